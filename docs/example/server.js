'use strict'
// A small service that shows the API at work; `npm start` runs it. Everything here is node:http's API:
// put require('node:http') in the next line and it behaves the same.
const { createServer } = require('../../dist/index.js') // in your program: require('ferrohttp')
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { setTimeout: sleep } = require('node:timers/promises')

const PORT = Number(process.env.PORT ?? 8080)
const ECHO_LIMIT = 1024 * 1024
const DOWNLOAD_LIMIT = 2 ** 40
const BLOCK_BYTES = 64 * 1024
const NOISE = makeNoise(2 * BLOCK_BYTES)
const TICK_MS = 1000
const SHUTDOWN_MS = 5000

const INDEX = `Hello from ferrohttp. The routes:

  GET  /hello             a greeting
  POST /echo              JSON in, the same JSON out (at most 1 MiB)
  POST /upload            any body, also PUT; answers its SHA-256 and length (?rate=N reads at most N bytes a second)
  GET  /download?bytes=N  N bytes, streamed; their SHA-256 is in a trailer (curl -D - shows it)
  GET  /events            server-sent events, one each second
`

/** An answer other than 200 that a handler decides on by throwing it. */
class HttpError extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

const routes = {
  '/': { GET: index, HEAD: index },
  '/hello': { GET: hello, HEAD: hello },
  '/echo': { POST: echo },
  '/upload': { POST: upload, PUT: upload },
  '/download': { GET: download },
  '/events': { GET: events },
}

const server = createServer(async (req, res) => {
  try {
    const [path, query] = req.url.split('?', 2)
    await route(req, res, path)(req, res, new URLSearchParams(query))
  } catch (error) {
    answerError(req, res, error)
  }
})

function route(req, res, path) {
  if (!Object.hasOwn(routes, path)) throw new HttpError(404, `there is no ${path} here`)
  const methods = routes[path]
  if (Object.hasOwn(methods, req.method)) return methods[req.method]
  res.setHeader('Allow', Object.keys(methods).join(', '))
  throw new HttpError(405, `${path} takes ${Object.keys(methods).join(', ')}`)
}

function answerError(req, res, error) {
  // The head has been sent, or the client has gone, so closing the connection is the only answer that is left.
  if (res.headersSent || (req.destroyed && !req.complete)) {
    res.destroy()
    return
  }
  if (!(error instanceof HttpError)) console.error(error)
  json(res, error.status ?? 500, { error: error.status ? error.message : 'internal error' })
}

function text(res, body) {
  res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body) })
  res.end(body)
}

function json(res, status, value) {
  const body = `${JSON.stringify(value)}\n`
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
  res.end(body)
}

function index(req, res) {
  text(res, INDEX)
}

function hello(req, res) {
  text(res, 'Hello, world!\n')
}

async function echo(req, res) {
  const body = await readBody(req, ECHO_LIMIT)
  let value
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw new HttpError(400, 'the body is not JSON')
  }
  json(res, 200, value)
}

async function readBody(req, limit) {
  const tooLarge = () => new HttpError(413, `the body is larger than ${limit} bytes`)
  if (Number(req.headers['content-length']) > limit) throw tooLarge()
  const chunks = []
  let bytes = 0
  // A chunked body announces no length. What is over the limit is read and dropped: leaving the loop early would
  // destroy the connection, and the client would see a reset instead of the answer.
  for await (const chunk of req) {
    bytes += chunk.length
    if (bytes <= limit) chunks.push(chunk)
  }
  if (bytes > limit) throw tooLarge()
  return Buffer.concat(chunks)
}

async function upload(req, res, query) {
  const rate = wholeNumber(query, 'rate', Infinity)
  const hash = createHash('sha256')
  const started = performance.now()
  let bytes = 0
  for await (const chunk of req) {
    hash.update(chunk)
    bytes += chunk.length
    // While this waits nothing is read, so the client's sending stops: back-pressure needs no other code.
    const early = started + (bytes / rate) * 1000 - performance.now()
    if (early > 10) await sleep(early)
  }
  json(res, 200, { sha256: hash.digest('hex'), bytes })
}

async function download(req, res, query) {
  const bytes = wholeNumber(query, 'bytes', ECHO_LIMIT)
  if (bytes > DOWNLOAD_LIMIT) throw new HttpError(400, `bytes is larger than ${DOWNLOAD_LIMIT}`)
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', Trailer: 'X-Content-SHA256' })
  const content = async function* () {
    const hash = createHash('sha256')
    for (const block of blocks(bytes)) {
      hash.update(block)
      yield block
    }
    res.addTrailers({ 'X-Content-SHA256': hash.digest('hex') })
  }
  // pipeline asks for the next block when the client has taken the last ones, and ends `res` or destroys it.
  await pipeline(Readable.from(content(), { objectMode: false }), res)
}

/**
 * The downloaded bytes, known to client and server: 64 KiB blocks, the n-th being the noise from offset n modulo 64 Ki on,
 * so no block within 4 GiB is like another. The last one is cut where the length says. Nothing is copied: every block
 * is a view of the same 128 KiB.
 */
function* blocks(bytes) {
  for (let sent = 0, start = 0; sent < bytes; sent += BLOCK_BYTES, start = (start + 1) % BLOCK_BYTES) {
    yield NOISE.subarray(start, start + Math.min(BLOCK_BYTES, bytes - sent))
  }
}

/** The high bytes of x ← 1103515245 x + 12345 modulo 2^32, starting after x = 1. */
function makeNoise(bytes) {
  let x = 1
  return Buffer.from(Array.from({ length: bytes }, () => (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 24))
}

function wholeNumber(query, name, fallback) {
  if (!query.has(name)) return fallback
  const value = query.get(name)
  if (!/^\d{1,15}$/.test(value)) throw new HttpError(400, `${name} takes a whole number`)
  return Number(value)
}

const eventStreams = new Set()

async function events(req, res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  let id = 0
  const tick = () => {
    id += 1
    // A client that reads slower than we tick misses ticks instead of filling our memory.
    if (!res.writableNeedDrain) res.write(`id: ${id}\nevent: tick\ndata: ${new Date().toISOString()}\n\n`)
  }
  eventStreams.add(res)
  const timer = setInterval(tick, TICK_MS)
  tick()
  await once(res, 'close')
  clearInterval(timer)
  eventStreams.delete(res)
}

function shutDown() {
  // close() waits for answers under way; an event stream never ends by itself, and a stuck client must not hold us for ever.
  server.close()
  for (const stream of eventStreams) stream.end()
  setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS).unref()
}

process.once('SIGINT', shutDown)
process.once('SIGTERM', shutDown)

server.on('error', (error) => {
  console.error(`cannot serve: ${error.message}`)
  process.exitCode = 1
})
server.listen(PORT, () => console.log(`listening on http://localhost:${server.address().port}`))
