'use strict'
const https = require('node:https')

/**
 * A GET request of Node's own client to localhost, with a connection of its own.
 *
 * @param {import('node:https').RequestOptions} options
 * @returns {Promise<void>} resolves when the request has closed, answered or failed
 */
function requestByNode(options) {
  const request = https.get({ host: 'localhost', family: 4, agent: false, ...options })
  request.on('response', (response) => response.resume())
  request.on('error', () => {})
  return new Promise((resolve) => request.on('close', resolve))
}

module.exports = { requestByNode }
