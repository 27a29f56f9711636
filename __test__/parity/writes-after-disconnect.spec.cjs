'use strict'
// A program writes as long as `write()` returns true, and meanwhile the peer disconnects. The loop ends although the program does
// not return to the event loop, where it would be notified.
const { Worker } = require('node:worker_threads')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { CONNECT, GET, UPGRADE } = require('./_peer.cjs')

/** Much more than the kernel accepts for a peer that does not read. */
const LIMIT = 5000
const PART = Buffer.alloc(64 * 1024, 'x')

/**
 * The peer, in a thread of its own. With `request` it is a client, which sends that to a server on `port`. Otherwise it is a server,
 * which sends `answer`. A client disconnects as soon as it has read anything, a server when the program reports that it has
 * received the answer. The peer then notes that in shared memory.
 */
const PEER = `
  const net = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const { port, request, answer, way, shared } = workerData
  const view = new Int32Array(shared)
  const act = (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      if (answer) {
        socket.write(answer)
        parentPort.once('message', () => socket[way]())
      } else setImmediate(() => socket[way]())
    })
    socket.on('close', () => {
      Atomics.store(view, 0, 1)
      Atomics.notify(view, 0)
      server?.close()
    })
  }
  let server
  if (request) act(net.connect(port, '127.0.0.1', function () { this.write(request) }))
  else server = net.createServer(act).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

/** Blocks this thread until the peer has gone, and then writes. Resolves to the program's observations. */
function writeToTheGone(stream, shared) {
  return new Promise((resolve) => {
    const seen = { gone: Atomics.wait(new Int32Array(shared), 0, 0, 5000) !== 'timed-out' }
    let count = 0
    stream.on('error', () => {})
    while (count < LIMIT && stream.write(PART)) count++
    seen.ended = count < LIMIT
    stream.on('close', () => setImmediate(resolve, seen))
  })
}

const SERVERS = {
  'a response': [
    (server, act) =>
      server.on('request', (_, res) => {
        // Parts of one turn wait for its end: the peer would not read any before it goes.
        res.flushHeaders()
        act(res)
      }),
    GET,
  ],
  'a request’s socket': [(server, act) => server.on('request', (req) => act(req.socket)), GET],
  'an upgraded socket': [(server, act) => server.on('upgrade', (_, socket) => act(socket)), UPGRADE],
  'a tunnel': [(server, act) => server.on('connect', (_, socket) => act(socket)), CONNECT],
}

const CLIENTS = {
  'a request': (http, port, act) => {
    const req = http.request({ port, method: 'POST' })
    req.on('socket', (socket) => socket.on('connect', () => req.write('x', () => act(req))))
  },
  'an upgraded socket': (http, port, act) => {
    const req = http.request({ port, headers: { connection: 'upgrade', upgrade: 'x' } })
    req.on('upgrade', (_, socket) => act(socket)).end()
  },
  'a tunnel': (http, port, act) => {
    const req = http.request({ port, method: 'CONNECT', path: 'a:1' })
    req.on('connect', (_, socket) => act(socket)).end()
  },
}

const ANSWERS = {
  'an upgraded socket': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  'a tunnel': 'HTTP/1.1 200 OK\r\n\r\n',
}

for (const way of ['destroy', 'resetAndDestroy']) {
  // One after the other: the handlers block this thread, and a request of another test in the same batch would wait with them.
  test.serial(
    `servers that write to a peer that has gone: ${way}`,
    parity(async (http, log, tools) => {
      for (const [name, [attach, request]] of Object.entries(SERVERS)) {
        const shared = new SharedArrayBuffer(4)
        const server = http.createServer()
        const seen = new Promise((resolve) => {
          attach(server, (stream) => {
            stream.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
            resolve(writeToTheGone(stream, shared))
          })
        })
        const port = await tools.listen(server)
        const peer = new Worker(PEER, { eval: true, workerData: { port, request, way, shared } })
        log(name, await seen)
        await peer.terminate()
      }
    }),
  )

  test.serial(
    `clients that write to a peer that has gone: ${way}`,
    parity(async (http, log) => {
      for (const [name, begin] of Object.entries(CLIENTS)) {
        const shared = new SharedArrayBuffer(4)
        const answer = ANSWERS[name]
        const peer = new Worker(PEER, { eval: true, workerData: { answer, way, shared } })
        const port = await new Promise((resolve) => peer.once('message', resolve))
        log(
          name,
          await new Promise((resolve) =>
            begin(http, port, (stream) => {
              peer.postMessage('answered')
              resolve(writeToTheGone(stream, shared))
            }),
          ),
        )
        await peer.terminate()
      }
    }),
  )
}
