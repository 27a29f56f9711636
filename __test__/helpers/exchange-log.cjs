'use strict'
// Common functions of parity tests about destroyed exchanges.

const closed = (message) => new Promise((resolve) => message.once('close', resolve))

/**
 * Logs the events of a request and its response.
 *
 * @param {(...values: unknown[]) => void} log
 * @param {string[]} [responseEvents] those of the response
 * @returns {Promise<unknown>} resolves when both have emitted 'close'
 */
function logExchange(log, req, res, responseEvents = ['prefinish', 'finish', 'close']) {
  for (const event of ['aborted', 'end', 'error', 'close'])
    req.on(event, (error) => log(req.url, event, error?.message, req.complete))
  for (const event of responseEvents) res.on(event, () => log('response', req.url, event, res.writableFinished))
  return Promise.all([closed(req), closed(res)])
}

/**
 * Sends `bytes` to a server that closes the connection, and logs its 'clientError'.
 *
 * @param {Promise<unknown>[]} exchanges under way, which the server's handler adds
 */
async function send(bytes, server, { log, tools, exchanges }) {
  server.on('clientError', (error, socket) => log('clientError', error.message, socket.destroyed))
  const client = await tools.connect(await tools.listen(server))
  await client.write(bytes)
  await client.closed
  await Promise.all(exchanges)
  await new Promise(setImmediate)
}

module.exports = { logExchange, send }
