'use strict'

/** Resolves to the server once it listens. */
async function listening(server) {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return server
}

module.exports = { listening }
