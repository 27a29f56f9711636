'use strict'
// The server of soak.mjs, whose handlers do all that programs do, mistakes included. HTTP_MODULE as in app.js. Sends messages to its
// parent: `{ port }` once, then a sample of itself for each 'sample'.
const { createHash } = require('node:crypto')
const events = require('node:events')
const { readdirSync } = require('node:fs')

const name = process.env.HTTP_MODULE ?? 'ferrohttp'
const http = require(name === 'ferrohttp' ? '../..' : name)

// Errors of 'async' handlers become 500.
events.captureRejections = true

const BLOB = Buffer.alloc(1024 * 1024, 'x')
/** Number of errors that were thrown on purpose and are uncaught. */
let thrown = 0
process.on('uncaughtException', (error) => {
  if (error.message !== 'on purpose') throw error
  thrown += 1
})

const HANDLERS = {
  '/hello': (req, res) => res.end('hello'),
  '/blob': (req, res) => res.end(BLOB),
  '/stream': (req, res) => {
    let left = 16
    const write = () => {
      while (left > 0 && !res.destroyed) {
        left -= 1
        if (!res.write(BLOB.subarray(0, 48 * 1024))) break
      }
      if (left === 0) res.end()
    }
    res.on('drain', write)
    write()
  },
  '/upload': (req, res) => {
    const hash = createHash('sha256')
    req.on('data', (chunk) => hash.update(chunk))
    req.on('end', () => res.end(hash.digest('hex')))
  },
  '/echo': (req, res) => req.pipe(res),
  '/late': (req, res) => setTimeout(() => res.end('late'), 20),
  '/never': () => {},
  '/throw': () => {
    throw new Error('on purpose')
  },
  '/throw-late': (req, res) => {
    res.write('begun')
    setImmediate(() => {
      res.destroy()
      throw new Error('on purpose')
    })
  },
  '/reject': async () => {
    throw new Error('on purpose')
  },
  '/destroy': (req) => req.socket.destroy(),
  '/reset': (req) => req.socket.resetAndDestroy(),
  '/ignore-body': (req, res) => res.end('ignored'),
}

const server = http.createServer(
  { headersTimeout: 1000, requestTimeout: 2000, keepAliveTimeout: 1000, connectionsCheckingInterval: 500 },
  (req, res) => HANDLERS[req.url](req, res),
)
server.on('upgrade', (req, socket, head) => {
  socket.on('error', () => {})
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  if (head.length > 0) socket.write(head)
  socket.pipe(socket)
})
server.setTimeout(3000)

/** The memory and handles of this process, after a garbage collection. */
async function sample() {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const handles = {}
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1
  const { rss, heapUsed, external } = process.memoryUsage()
  const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
  const open = http.stats?.().server.open ?? connections
  const count = (directory) => readdirSync(directory).length
  return {
    connections,
    open,
    handles,
    threads: count('/proc/self/task'),
    files: count('/proc/self/fd'),
    rss,
    heap: heapUsed + external,
    thrown,
  }
}

process.on('message', async () => process.send(await sample()))
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
