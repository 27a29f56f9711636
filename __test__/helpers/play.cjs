'use strict'
// Runs one script on one implementation of node:http and collects what it logs.
const { once } = require('node:events')
const net = require('node:net')
const { RawClient, rawExchange } = require('./raw-client.cjs')
const { plain, record } = require('./record.cjs')

/** Exit code of an isolated run whose script threw, instead of ending the process itself. */
const FAILED = 113

/**
 * @param {'node:http' | 'ferrohttp'} name
 * @param {Function} script see `parity.cjs`
 * @param {object} [options]
 * @param {'native' | 'adopted' | 'compatible'} [options.road] `native`: an I/O thread accepts; the others use the handle of a
 *   listening net.Server: `adopted`: an I/O thread adopts the accepted sockets; `compatible`: Node's sockets are passed by 'connection'
 * @param {Function} [options.onEntry] called with each entry at once
 * @param {Function} [options.onPort] and of each port
 * @returns {Promise<{ entries: unknown[][], ports: number[] }>} entries are plain values
 */
async function play(name, script, { road = 'native', onEntry, onPort } = {}) {
  const entries = []
  const ports = []
  const cleanups = []
  const addPort = (port) => {
    ports.push(port)
    onPort?.(port)
    return port
  }
  const log = (...values) => {
    const entry = values.map(plain)
    entries.push(entry)
    onEntry?.(entry)
  }
  try {
    await script(require(name), log, makeTools({ addPort, log, cleanups, road }))
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
  return { entries, ports }
}

/**
 * The third argument of a script:
 * - `listen(server, ...args)` listens on 127.0.0.1 (or as `args` specify), closes the server afterwards; resolves to the port
 * - `connect(port)` a RawClient, destroyed afterwards; `raw(port, ...parts)` is `rawExchange`
 * - `record(emitter, events, label)` logs events
 * - `until(emitter, event)` resolves to the event's arguments
 * - `after(fn)` runs a clean-up when the script is over, the last one first
 */
function makeTools({ addPort, log, cleanups, road }) {
  const after = (fn) => {
    cleanups.push(fn)
  }
  return {
    after,
    until: once,
    raw: rawExchange,
    record: (emitter, events, label) => record(emitter, events, log, label),
    async listen(server, ...args) {
      const where = args.length > 0 ? args : [0, '127.0.0.1']
      await LISTENS[road](server, where)
      after(() => closeServer(server))
      const address = server.address()
      return typeof address === 'string' ? address : addPort(address.port)
    },
    async connect(target) {
      const client = await RawClient.connect(target)
      if (client.localPort !== undefined) addPort(client.localPort)
      after(async () => {
        client.socket.destroy()
        await client.closed
      })
      return client
    },
  }
}

function listening(server, where) {
  const listens = once(server, 'listening')
  server.listen(...where)
  return listens
}

/** The handle of a net.Server accepts, and an I/O thread adopts each socket. */
async function listenOnHandle(server, where) {
  const acceptor = net.createServer()
  await listening(acceptor, where)
  await listening(server, [acceptor])
}

/** The same, but each socket remains Node's own and is passed by 'connection'. */
async function listenAsCompatible(server, where) {
  const acceptor = net.createServer()
  await listening(acceptor, where)
  const { onconnection } = acceptor._handle
  await listening(server, [acceptor])
  server._handle.onconnection = onconnection
}

const LISTENS = { native: listening, adopted: listenOnHandle, compatible: listenAsCompatible }

/** Closes a server and its open connections. No effect on a server that is closed already. */
function closeServer(server) {
  if (!server.listening) return
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections?.()
  })
}

module.exports = { closeServer, FAILED, listenAsCompatible, play }
