'use strict'
// Handlers that wait before they answer, as most do. HTTP_MODULE as in app.js; BACKEND_PORT is the port of the service that some
// of them ask: lines.js for `/backend`, an HTTP server for `/gateway`.

const fs = require('node:fs')
const net = require('node:net')

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer, request, Agent } = require(name === 'ferrohttp' ? '../..' : name)

const HELLO = 'Hello, world!\n'
const BACKEND = { host: '127.0.0.1', port: Number(process.env.BACKEND_PORT ?? 0) }
const BACKEND_CONNECTIONS = 8

function hello(res) {
  res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': HELLO.length })
  res.end(HELLO)
}

/** Pipelined connections to a service that answers each line with one. */
class Backend {
  #connections = []
  #next = 0

  ask(callback) {
    if (this.#connections.length < BACKEND_CONNECTIONS) this.#connections.push(this.#connect())
    const connection = this.#connections[this.#next++ % this.#connections.length]
    connection.waiting.push(callback)
    connection.socket.write('?\n')
  }

  #connect() {
    const waiting = []
    const socket = net.connect(BACKEND)
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      for (const byte of bytes) if (byte === 10) waiting.shift()()
    })
    return { socket, waiting }
  }
}

const backend = new Backend()
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

const handlers = {
  '/immediate': (res) => setImmediate(hello, res),
  '/timer': (res) => setTimeout(hello, 1, res),
  '/await': async (res) => {
    await null
    await null
    hello(res)
  },
  '/file': (res) => fs.readFile(__filename, () => hello(res)),
  '/backend': (res) => backend.ask(() => hello(res)),
  '/gateway': (res) => {
    request({ ...BACKEND, path: '/hello', agent }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers)
      answer.pipe(res)
    }).end()
  },
}

const server = createServer((req, res) => handlers[req.url](res))
server.keepAliveTimeout = 60_000
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
