'use strict'
// A server that gets its connections by 'connection', as behind a proxy of the program's own, or with TLS of node:tls. node:net accepts
// them, and ferrohttp serves them on JavaScript's thread. HTTP_MODULE as in app.js.

const net = require('node:net')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const HELLO = 'Hello, world!\n'

const handlers = {
  '/hello': (res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': HELLO.length })
    res.end(HELLO)
  },
  // Chunked, and one part in another turn than the other.
  '/parts': (res) => {
    res.write(HELLO.slice(0, 5))
    setImmediate(() => res.end(HELLO.slice(5)))
  },
}

const server = createServer((req, res) => handlers[req.url](res))
server.keepAliveTimeout = 60_000
const acceptor = net.createServer({ noDelay: true }, (socket) => server.emit('connection', socket))
acceptor.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: acceptor.address().port }))
})
