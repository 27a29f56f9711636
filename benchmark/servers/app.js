'use strict'
// The one server that Node, Bun and ferrohttp run unchanged. HTTP_MODULE says whose `createServer` it is:
// `node:http` (the default; under Bun this is Bun's) or `ferrohttp`. peer-hyper/ has the same routes in Rust.

const name = process.env.HTTP_MODULE ?? 'node:http'
// Under node_modules this would read require('ferrohttp'); here the package is the directory two levels up.
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const HELLO = 'Hello, world!\n'
const BLOB = Buffer.alloc(1024 * 1024, 'x')
const BURN_MS = 1

function text(res, body) {
  res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length })
  res.end(body)
}

function blob(res) {
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': BLOB.length })
  res.end(BLOB)
}

function upload(req, res) {
  let bytes = 0
  req.on('data', (chunk) => {
    bytes += chunk.length
  })
  req.on('end', () => text(res, String(bytes)))
}

function burn(res) {
  const until = performance.now() + BURN_MS
  while (performance.now() < until);
  text(res, HELLO)
}

/** Accepted so far, where COUNT_CONNECTIONS asked for it: a listener for each connection is not free. */
let connections = 0

const server = createServer((req, res) => {
  switch (`${req.method} ${req.url}`) {
    case 'GET /hello':
      return text(res, HELLO)
    case 'GET /burn':
      return burn(res)
    case 'GET /blob':
      return blob(res)
    case 'POST /upload':
      return upload(req, res)
    case 'GET /connections':
      return text(res, String(connections))
  }
  res.writeHead(404, { 'Content-Length': 0 })
  res.end()
})

if (process.env.COUNT_CONNECTIONS) {
  server.on('connection', () => {
    connections += 1
  })
}

// The idle-connection scenario holds its connections for longer than the default of 5 s.
server.keepAliveTimeout = 60_000
// A burst of connections must meet the server, not the kernel's SYN retry after a second.
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
