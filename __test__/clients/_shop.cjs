'use strict'
// The server for the clients, on either implementation of node:http.
const { createHash } = require('node:crypto')
const zlib = require('node:zlib')

const PIECE = Buffer.alloc(64 * 1024, 'ferro')
const PIECES = 64
const TEXT = 'a page\n'.repeat(500)

/**
 * A request listener. `onRequest` is called with a description of each request, when it is complete or was aborted.
 *
 * - `/hello` JSON; `/missing` 404; `/gzip` compressed; `/redirect` to `/hello`; `/again` keeps method and body
 * - `/loop` redirects to itself; `/empty` 204; `/cookies` two of them
 * - `/echo` length and digest of the body; `/large` 4 MiB in chunks, `/sized` the same with a length
 * - `/silent` never answers; `/partial` answers a part and no more; `/cut` ends the connection within the body;
 *   `/dropped` ends it before any answer
 */
function shop(onRequest) {
  return (req, res) => {
    const digest = createHash('sha1')
    let length = 0
    req.on('data', (chunk) => {
      length += chunk.length
      digest.update(chunk)
    })
    const seen = () => ({ method: req.method, url: req.url, rawHeaders: req.rawHeaders, length })
    let over = false
    const report = (how) => {
      if (over) return
      over = true
      onRequest({ ...seen(), how })
    }
    req.on('end', () => {
      report('complete')
      answer(req, res, () => ({ length, sha1: digest.digest('hex') }))
    })
    req.on('error', () => {})
    // How much of an aborted upload has arrived depends on the timing.
    req.on('close', () => {
      length = -1
      report('given up')
    })
  }
}

function answer(req, res, body) {
  const path = req.url.split('?', 1)[0]
  const json = (value, status = 200) => {
    res.writeHead(status, { 'Content-Type': 'application/json' })
    res.end(JSON.stringify(value))
  }
  switch (path) {
    case '/hello':
      return json({ hello: req.url })
    case '/echo':
      return json(body())
    case '/gzip':
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' })
      return res.end(zlib.gzipSync(TEXT))
    case '/redirect':
      res.writeHead(302, { Location: '/hello?from=redirect' })
      return res.end('elsewhere')
    case '/again':
      res.writeHead(307, { Location: '/echo' })
      return res.end()
    case '/loop':
      res.writeHead(302, { Location: '/loop' })
      return res.end()
    case '/empty':
      res.writeHead(204)
      return res.end()
    case '/cookies':
      res.writeHead(200, [
        ['Set-Cookie', 'a=b'],
        ['Set-Cookie', 'c=d'],
        ['X-Twice', '1'],
        ['X-Twice', '2'],
      ])
      return res.end('cookies')
    case '/large':
      return pieces(res, PIECES)
    case '/sized':
      res.setHeader('Content-Length', PIECES * PIECE.length)
      return pieces(res, PIECES)
    case '/silent':
      return undefined
    case '/partial':
      res.writeHead(200, { 'Content-Length': 1000 })
      return res.write('a part')
    case '/cut':
      res.writeHead(200, { 'Content-Length': 1000 })
      return res.write('a part', () => res.destroy())
    case '/dropped':
      return req.socket.destroy()
    default:
      return json({ missing: path }, 404)
  }
}

function pieces(res, left) {
  for (; left > 0; left--) {
    if (!res.write(PIECE)) {
      res.once('drain', () => pieces(res, left - 1))
      return
    }
  }
  res.end()
}

module.exports = { PIECE, PIECES, shop, TEXT }
