'use strict'
// One request of a hundred keeps the thread busy for 5 ms, as a large page or a slow query's rows do. HTTP_MODULE as in app.js.

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const HELLO = 'Hello, world!\n'
const ONE_OF = 100
const BURN_MS = 5

let requests = 0

const server = createServer((req, res) => {
  requests += 1
  if (requests % ONE_OF === 0) {
    const until = performance.now() + BURN_MS
    while (performance.now() < until);
  }
  res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': HELLO.length })
  res.end(HELLO)
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
