'use strict'
// Logs the result of `server.listen` for each of several lists of arguments.

/**
 * @param {typeof import('node:http')} http
 * @param {(...values: unknown[]) => void} log
 * @param {Record<string, unknown[]>} forms arguments of `listen` by title
 * @param {(text: string) => string} masked replaces what differs from run to run
 */
async function attempts(http, log, forms, masked = (text) => text) {
  for (const [title, args] of Object.entries(forms)) {
    const server = http.createServer()
    const settled = new Promise((resolve) => {
      server.on('listening', () => {
        const address = server.address()
        log(title, 'listens', masked(typeof address === 'string' ? address : `${address.family} ${address.address}`))
        server.close(resolve)
      })
      server.on('error', ({ message, code, errno, syscall, address, port, ...others }) => {
        log(title, code, errno, syscall, masked(String(address)), port, Object.keys(others), masked(message))
        log(server.listening, masked(String(server.address())))
        resolve()
      })
    })
    try {
      server.listen(...args)
      log(title, 'does not throw')
    } catch (error) {
      log(title, 'throws', error.code)
      continue
    }
    await settled
  }
}

module.exports = { attempts }
