'use strict'
// Which resources async_hooks reports, what triggers them, and in which of them listeners are called.
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

const PEERS = {
  'TCP, by address': (_http, listen, server) => listen(server).then((port) => ({ host: '127.0.0.1', port })),
  'TCP, by name': (_http, listen, server) => listen(server).then((port) => ({ host: 'localhost', family: 4, port })),
  'a Unix socket': (_http, listen, server) => {
    const { mkdtempSync } = require('node:fs')
    const { join } = require('node:path')
    const socketPath = join(mkdtempSync(join(require('node:os').tmpdir(), 'hooks-')), 'socket')
    return listen(server, socketPath).then(() => ({ socketPath }))
  },
}

/** Two requests, one after the other, which are logged. */
const exchange = async (http, log, tools, meet, keepAlive) => {
  const { AsyncLocalStorage, createHook, executionAsyncId, triggerAsyncId } = require('node:async_hooks')
  const net = require('node:net')
  const SHOWN = /^(?:TCP|PIPE|GETADDR|SHUTDOWN|HTTPINCOMING|HTTPCLIENT)/
  const names = new Map()
  const triggers = new Map()
  const counts = new Map()
  const resources = new Map()
  const destroyed = new Set()
  const lines = []
  // Resources between those of sockets and messages (ticks, timers, promises) are left out.
  const name = (id) => {
    while (triggers.has(id) && !SHOWN.test(names.get(id))) id = triggers.get(id)
    return names.get(id) ?? 'none'
  }
  const idKey = Object.getOwnPropertySymbols(new net.Socket()).find(({ description }) => /async_id/.test(description))
  // The process's own pipes are made when they are first used.
  void [process.stdout, process.stderr]
  const hook = createHook({
    init(id, type, trigger, resource) {
      const count = (counts.get(type) ?? 0) + 1
      counts.set(type, count)
      names.set(id, `${type} ${count}`)
      triggers.set(id, trigger)
      resources.set(id, resource)
      if (!SHOWN.test(type)) return
      // A client may end its side before or after the server's end is reported. On keep-alive either side may end first.
      if (type === 'SHUTDOWNWRAP' && (keepAlive || !/SERVER/.test(name(triggers.get(trigger))))) return
      lines.push(`${names.get(id)} by ${name(trigger)}`)
    },
    destroy(id) {
      destroyed.add(id)
    },
  }).enable()
  tools.after(() => hook.disable())
  const storage = new AsyncLocalStorage()
  const note = (what) => () => {
    const store = storage.getStore() ?? 'no store'
    lines.push(`${what}: in ${name(executionAsyncId())} by ${name(triggerAsyncId())}, ${store}`)
  }
  const noteId = (what, socket) => lines.push(`${what} is ${name(socket[idKey])}`)

  const server = http.createServer((req, res) => {
    note('request')()
    noteId('req.socket', req.socket)
    for (const event of ['data', 'end']) req.on(event, note(`req ${event}`))
    setImmediate(() => res.end('hello'))
  })
  server.on('listening', note('listening')).on('close', note('server close'))
  const gone = []
  server.on('connection', (socket) => {
    note('connection')()
    noteId('connection', socket)
    gone.push(new Promise((resolve) => socket.on('close', resolve)))
    socket.on('close', note('server socket close'))
  })
  const target = await storage.run('listening program', () => meet(http, tools.listen, server))
  lines.push(`handle is ${name(server._handle.getAsyncId())}`)
  const agent = new http.Agent({ keepAlive })
  let first
  for (const number of [1, 2]) {
    await storage.run(`request ${number}`, async () => {
      const request = http.request({ ...target, agent, method: 'POST' }, (response) => {
        note('response')()
        noteId('res.socket', response.socket)
        for (const event of ['data', 'end']) response.on(event, note(`res ${event}`))
      })
      request.on('socket', (socket) => {
        noteId('client socket', socket)
        if (!keepAlive || number === 1) {
          first = resources.get(socket[idKey])
          for (const event of ['lookup', 'connect']) socket.on(event, note(`client ${event}`))
          socket.on('close', note('client socket close'))
          gone.push(new Promise((resolve) => socket.on('close', resolve)))
        } else {
          lines.push(`same handle: ${resources.get(socket[idKey]).handle === first}`)
        }
      })
      request.end('body')
      await new Promise((resolve) => request.on('close', resolve))
    })
    // After 'free'.
    await new Promise(setImmediate)
    for (const [socket] of Object.values(agent.freeSockets)) lines.push(`free: ${socket[idKey]}`)
  }
  agent.destroy()
  await Promise.all(gone)
  await new Promise((resolve) => server.close(resolve))
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  for (const id of destroyed) if (/^(?:TCP|PIPE|HTTP)/.test(names.get(id))) lines.push(`${names.get(id)} destroyed`)
  // The events of a client and a server in one process have no fixed order.
  for (const line of lines.sort()) log(line)
}

for (const [peer, meet] of Object.entries(PEERS)) {
  for (const keepAlive of [true, false]) {
    // The script is sent to a process as source.
    const script = new Function('http', 'log', 'tools', `return (${exchange})(http, log, tools, ${meet}, ${keepAlive})`)
    on24(
      `${peer}, ${keepAlive ? 'one connection' : 'two connections'}`,
      parity(script, { isolated: true, nativeOnly: true }),
    )
  }
}
