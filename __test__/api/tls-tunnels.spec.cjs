'use strict'
// TLS in the tunnel of a CONNECT: node:tls over sockets that have no libuv handle.
const test = require('ava')
const { once } = require('node:events')
const net = require('node:net')
const tls = require('node:tls')
const { createServer, request } = require('ferrohttp')
const { cert, key } = require('../helpers/certificate.cjs')

/** Speaks first, so that each side reads and writes. */
async function converse(socket) {
  let answer = ''
  socket.setEncoding('latin1').on('data', (data) => {
    answer += data
    socket.end()
  })
  // Before the first byte, which may arrive together with the end.
  const ended = once(socket, 'end')
  socket.write('ping')
  await ended
  return answer
}

function answerOver(socket) {
  const secured = new tls.TLSSocket(socket, { isServer: true, cert, key })
  secured.once('data', (data) => secured.end(`${data} pong`))
  secured.on('error', () => {})
}

async function listening(t, server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server.address().port
}

test("a server's tunnel", async (t) => {
  const server = createServer().on('connect', (req, socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    answerOver(socket)
  })
  const raw = net.connect(await listening(t, server), '127.0.0.1')
  raw.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
  await once(raw, 'data')
  const socket = tls.connect({ socket: raw, ca: cert, servername: 'localhost' })
  t.is(await converse(socket), 'ping pong')
})

test("a client's tunnel", async (t) => {
  const proxy = net.createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      answerOver(socket)
    })
  })
  const asked = request({ host: '127.0.0.1', port: await listening(t, proxy), method: 'CONNECT', path: 'a:1' })
  asked.end()
  const [, tunnel] = await once(asked, 'connect')
  // Some programs remove all other listeners.
  for (const event of ['data', 'close', 'error', 'drain', 'end']) tunnel.removeAllListeners(event)
  const socket = tls.connect({ socket: tunnel, ca: cert, servername: 'localhost' })
  t.is(await converse(socket), 'ping pong')
})
