'use strict'
// Bytes that a program writes are sent when the call returns, even if the thread is blocked after that: a peer in another thread reads them.
const { Worker } = require('node:worker_threads')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { UPGRADE, exchange } = require('./_peer.cjs')

/** Sends the given request, and notes in shared memory that it has read something. */
const PEER = `
  const { workerData } = require('node:worker_threads')
  const { port, request, shared } = workerData
  const view = new Int32Array(shared)
  const socket = require('node:net').connect(port, '127.0.0.1', () => socket.write(request))
  socket.on('error', () => {})
  socket.once('data', () => {
    Atomics.store(view, 0, 1)
    Atomics.notify(view, 0)
    socket.destroy()
  })
`

const BODY = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
const CHUNKS = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n'

const WAYS = {
  end: (res, block) => {
    res.end('answer')
    block()
  },
  'end of 100 KB': (res, block) => {
    res.end('x'.repeat(100000))
    block()
  },
  'write, end': (res, block) => {
    res.write('one')
    res.end('two')
    block()
  },
  flushHeaders: (res, block) => {
    res.flushHeaders()
    block()
    res.end()
  },
  'socket.write': (res, block) => {
    res.socket.write('HTTP/1.1 102 Processing\r\n\r\n')
    block()
    res.end()
  },
  'a promise job': async (res, block) => {
    await null
    res.end('answer')
    block()
  },
}

for (const [name, request] of Object.entries({ 'a short body': BODY, 'a chunked body': CHUNKS })) {
  // One after the other: where another test's request waits in the same batch, answers rightly wait for it.
  test.serial(
    `answers to requests with ${name}, and then work that blocks the thread`,
    parity(async (http, log, tools) => {
      for (const [way, answer] of Object.entries(WAYS)) {
        const shared = new SharedArrayBuffer(4)
        const server = http.createServer((req, res) => {
          req.resume()
          // Waits for the peer. The limit is reached only if nothing was sent.
          answer(res, () => log(way, Atomics.wait(new Int32Array(shared), 0, 0, 3000) !== 'timed-out'))
        })
        const port = await tools.listen(server)
        const peer = new Worker(PEER, { eval: true, workerData: { port, request, shared } })
        await new Promise((resolve) => peer.on('exit', resolve))
      }
    }),
  )
}

test.serial(
  'megabytes that the kernel accepts do not wait, and later bytes are sent before a destroy',
  parity(async (http, log, tools) => {
    const { received, seen } = await exchange(
      http,
      tools,
      (server, see) =>
        server.on('upgrade', (_, socket) => {
          see(socket.write(Buffer.alloc(1.5e6)), socket.writableLength, socket.writableNeedDrain, socket.bytesWritten)
          see(socket.write('second'), socket.writableLength, socket.bytesWritten)
          socket.destroy()
        }),
      UPGRADE,
    )
    log(received, ...seen)
  }),
)

test.serial(
  'an empty encoding is none',
  parity(async (http, log, tools) => {
    for (const act of [(res) => res.end('é', ''), (res) => void res.write('é', '') || res.end('è', '')]) {
      const server = http.createServer((_, res) => act(res))
      const client = await tools.connect(await tools.listen(server))
      await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      await client.closed
      log(client.received.replace(/Date: .*\r\n/, ''))
    }
  }),
)
