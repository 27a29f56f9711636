'use strict'
// Streams that are passed to a server: the bytes that it buffers, and the road of connections.
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const net = require('node:net')
const { Duplex } = require('node:stream')
// Counts are those of the whole process: one test at a time.
const { serial: test } = require('ava')
const { createServer, stats } = require('../../dist/index.js')
const { eventually } = require('../helpers/leak.cjs')

const MIB = 1024 * 1024
const BODY = 64 * MIB
const PART = Buffer.alloc(256 * 1024, 'ferrohttp')
/** Largest number of bytes between the two ends of a loopback connection: socket buffers and streams' buffers. */
const UNDER_WAY = 32 * MIB

const digest = () => createHash('sha256')
const EXPECTED = (() => {
  const hash = digest()
  for (let bytes = 0; bytes < BODY; bytes += PART.length) hash.update(PART)
  return hash.digest('hex')
})()

/** Accepts for `server`, whose connections are streams then. */
async function accept(t, server) {
  const acceptor = net.createServer((socket) => server.emit('connection', socket))
  acceptor.listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  t.teardown(() => acceptor.close())
  return acceptor.address().port
}

async function send(socket, onPart = () => {}) {
  for (let bytes = 0; bytes < BODY; bytes += PART.length) {
    onPart(bytes)
    if (!socket.write(PART)) await once(socket, 'drain')
  }
}

test('a body that is not read stops the stream, and arrives completely when it is read', async (t) => {
  const server = createServer()
  const socket = net.connect(await accept(t, server), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${BODY}\r\n\r\n`)
  let sent = 0
  const all = send(socket, (bytes) => {
    sent = bytes
  })
  const [req, res] = await once(server, 'request')
  await eventually(() => req.socket.isPaused() && socket.writableNeedDrain)
  const { bytesRead } = req.socket
  t.true(bytesRead < MIB, `${bytesRead} bytes read for nobody`)
  t.true(sent < UNDER_WAY, `${sent} bytes sent to nobody`)
  const hash = digest()
  for await (const chunk of req) hash.update(chunk)
  res.end(hash.digest('hex'))
  await all
  let answer = ''
  for await (const text of socket.setEncoding('latin1')) answer += text
  t.true(answer.endsWith(EXPECTED))
})

test('a response that is not read stops its writer, and arrives completely when it is read', async (t) => {
  let sent = 0
  const server = createServer(async (_req, res) => {
    res.setHeader('Content-Length', BODY)
    await send(res, (bytes) => {
      sent = bytes
    })
    res.end()
  })
  const socket = net.connect(await accept(t, server), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  const [, res] = await once(server, 'request')
  await eventually(() => res.writableNeedDrain)
  t.true(sent < UNDER_WAY, `${sent} bytes written for nobody`)
  t.true(res.writableLength <= 2 * PART.length, `${res.writableLength} bytes held`)
  const hash = digest()
  let head = Buffer.alloc(0)
  let inBody = false
  for await (const chunk of socket) {
    if (inBody) {
      hash.update(chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) continue
    inBody = true
    hash.update(head.subarray(end + 4))
  }
  t.is(hash.digest('hex'), EXPECTED)
})

test('requests without answers stop the stream', async (t) => {
  const waiting = []
  const server = createServer((_req, res) => waiting.push(res))
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const total = 500
  let asked = 0
  let answered = 0
  // Delivers one request for each read, as long as it is read.
  const stream = new Duplex({
    read() {
      if (asked++ < total) setImmediate(() => stream.push(request))
    },
    write(chunk, _encoding, callback) {
      answered += chunk.toString('latin1').split('HTTP/1.1 200').length - 1
      callback()
    },
  })
  server.emit('connection', stream)
  await eventually(() => stream.isPaused())
  t.true(waiting.length <= 64, `${waiting.length} requests at once`)
  await eventually(() => {
    for (const res of waiting.splice(0)) res.end()
    return answered === total
  })
  t.is(answered, total)
  stream.destroy()
})

test('a server that listens by itself has native connections beside its streams', async (t) => {
  const server = createServer((req, res) => res.end(req.url))
  server.on('connection', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const ask = async (port) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await once(socket.resume(), 'close')
  }
  const counts = () => stats().server
  const before = counts()
  await ask(server.address().port)
  const between = counts()
  t.is(between.compatible, before.compatible)
  t.true(between.native > before.native)
  await ask(await accept(t, server))
  t.is(counts().compatible, before.compatible + 1)
})

test('a server without its own connection listener leaves the sockets to the program', async (t) => {
  const server = createServer(() => t.fail('a request'))
  server.removeAllListeners('connection')
  server.on('connection', (socket) => socket.end('no HTTP here'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  let received = ''
  for await (const text of net.connect(server.address().port, '127.0.0.1').setEncoding('latin1')) received += text
  t.is(received, 'no HTTP here')
})

test('closing a server that never listened closes its streams', async (t) => {
  const server = createServer((req, res) => {
    if (req.url === '/now') res.end()
  })
  const port = await accept(t, server)
  const idle = net.connect(port, '127.0.0.1')
  const busy = net.connect(port, '127.0.0.1')
  busy.on('error', () => {}).write('GET /later HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(server, 'request')
  idle.on('error', () => {}).write('GET /now HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(idle, 'data')
  server.closeIdleConnections()
  await once(idle.resume(), 'close')
  t.false(busy.destroyed)
  server.closeAllConnections()
  await once(busy.resume(), 'close')
})
