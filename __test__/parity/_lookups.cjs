'use strict'
// Logs how a request handles the results of its `lookup`.

/**
 * @param {typeof import('node:http')} http
 * @param {(...values: unknown[]) => void} log
 * @param {string} title
 * @param {object} options of the request
 * @param {Function} lookup
 * @returns {Promise<void>} after the request's 'close'; rejects with what `lookup` lets `http.get` throw
 */
async function asks(http, log, title, options, lookup) {
  const request = http.get({ host: 'a.invalid', agent: false, lookup, ...options })
  const seen = []
  request.on('error', ({ code, message }) => {
    // Node shows an address of its own in some cases.
    seen.push(code ?? message)
  })
  request.on('response', (response) => {
    seen.push(`response ${response.statusCode}`)
    response.resume()
  })
  await new Promise((resolve) => request.on('close', resolve))
  log(title, ...seen)
}

module.exports = { asks }
