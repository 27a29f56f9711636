'use strict'
// The one server that Node, Bun and ferrohttp run unchanged. HTTP_MODULE names the module with its `createServer`:
// `node:http` (the default; under Bun this is Bun's) or `ferrohttp`. With TLS_KEY and TLS_CERT it is that of https.
// peer-hyper/ has the same routes in Rust.

const { readFileSync } = require('node:fs')

const { TLS_KEY, TLS_CERT } = process.env
const isOurs = process.env.HTTP_MODULE === 'ferrohttp'
// Under node_modules these would be 'ferrohttp' and 'ferrohttp/https'; here the package is the directory two levels up.
const PLAIN = isOurs ? '../..' : 'node:http'
const SECURE = isOurs ? '../../dist/https.js' : 'node:https'

const options = TLS_KEY ? { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT) } : {}
const { createServer } = require(TLS_KEY ? SECURE : PLAIN)

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

/** Number of accepted connections. Counted only with COUNT_CONNECTIONS, because a listener costs time for each connection. */
let connections = 0

const server = createServer(options, (req, res) => {
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
  server.on(TLS_KEY ? 'secureConnection' : 'connection', () => {
    connections += 1
  })
}

// The idle-connection scenario holds its connections for longer than the default of 5 s.
server.keepAliveTimeout = 60_000
// The accept queue must hold a burst of connections. Otherwise the kernel repeats their SYN after a second.
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  // Checks that I/O threads serve, because ferrohttp uses JavaScript where a program needs that.
  if (isOurs && TLS_KEY && require(PLAIN).stats().https.native !== 1) throw new Error('the server is not native')
  console.log(JSON.stringify({ port: server.address().port }))
})
