'use strict'
// Runs one script on one implementation of node:http and collects what it logs.
const { once } = require('node:events')
const { RawClient, rawExchange } = require('./raw-client.cjs')
const { plain, record } = require('./record.cjs')

/** Exit code of an isolated run whose script threw, instead of ending the process itself. */
const FAILED = 113

/**
 * @param {'node:http' | 'ferrohttp'} name
 * @param {Function} script see `parity.cjs`
 * @param {{ onEntry?: Function, onPort?: Function }} [observer] told of each entry and port at once
 * @returns {Promise<{ entries: unknown[][], ports: number[] }>} entries are plain values
 */
async function play(name, script, observer = {}) {
  const entries = []
  const ports = []
  const cleanups = []
  const addPort = (port) => {
    ports.push(port)
    observer.onPort?.(port)
    return port
  }
  const log = (...values) => {
    const entry = values.map(plain)
    entries.push(entry)
    observer.onEntry?.(entry)
  }
  try {
    await script(require(name), log, makeTools({ addPort, log, cleanups }))
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
  return { entries, ports }
}

/**
 * What a script gets as third argument:
 * - `listen(server, ...args)` listens on 127.0.0.1 (or as `args` say), closes the server afterwards; resolves to the port
 * - `connect(port)` a RawClient, destroyed afterwards; `raw(port, ...parts)` is `rawExchange`
 * - `record(emitter, events, label)` logs events
 * - `until(emitter, event)` resolves to the event's arguments
 * - `after(fn)` runs a clean-up when the script is over, the last one first
 */
function makeTools({ addPort, log, cleanups }) {
  const after = (fn) => {
    cleanups.push(fn)
  }
  return {
    after,
    until: once,
    raw: rawExchange,
    record: (emitter, events, label) => record(emitter, events, log, label),
    async listen(server, ...args) {
      server.listen(...(args.length > 0 ? args : [0, '127.0.0.1']))
      await once(server, 'listening')
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

/** Closes a server with whatever is still connected to it. A server that is closed already is left alone. */
function closeServer(server) {
  if (!server.listening) return
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections?.()
  })
}

module.exports = { closeServer, FAILED, play }
