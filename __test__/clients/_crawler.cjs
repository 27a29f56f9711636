'use strict'
// A crawler as programs write them for node:http: `_crawler.cjs PORT`. Starts at `/`, follows the links of each page and
// says what it found, in the order in which the links were found.
const http = require('node:http')
const { once } = require('node:events')
const { createHash } = require('node:crypto')
const zlib = require('node:zlib')
const { over } = require('./_program.cjs')

const [port] = process.argv.slice(2)
const start = new URL(`http://127.0.0.1:${port}/`)

const MAX_REDIRECTS = 5
/** A page may be this large, in bytes. */
const MAX_LENGTH = 200_000
const AT_ONCE = 4
/** Some pages are known to be slow, and not worth much waiting. In ms. */
const PATIENCE = { '/silent': 400, '/partial': 400 }

const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE })
const sockets = new Set()

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** Sends one request. Resolves to its outcome. */
function fetch(url, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve) => {
    const events = []
    const found = { url: url.pathname, method, events }
    const request = http.request(url, {
      agent,
      method,
      timeout: PATIENCE[url.pathname] ?? 30_000,
      headers: { 'Accept-Encoding': 'gzip', 'User-Agent': 'crawler', ...headers },
    })
    for (const event of ['socket', 'finish', 'response', 'timeout', 'abort', 'close'])
      request.on(event, () => events.push(event))
    request.on('socket', (socket) => sockets.add(socket))
    request.on('timeout', () => request.destroy(Object.assign(new Error('took too long'), { code: 'ETIMEDOUT' })))
    request.on('error', (error) => {
      events.push('error')
      found.error = { name: error.name, code: error.code, message: error.message }
    })
    let unzipped
    request.on('response', (response) => {
      unzipped = read(request, response, found)
    })
    request.on('close', async () => {
      found.state = [request.destroyed, request.aborted, request.writableFinished, request.res?.complete]
      if (request.res?.complete) await unzipped
      resolve(found)
    })
    request.end()
  })
}

/** @returns a promise of the end of the body, fulfilled if all of it arrives */
function read(request, response, found) {
  const { statusCode, statusMessage, httpVersion, rawHeaders } = response
  Object.assign(found, { statusCode, statusMessage, httpVersion, rawHeaders, location: response.headers.location })
  for (const event of ['aborted', 'end', 'close']) response.on(event, () => found.events.push(`response ${event}`))
  response.on('error', (error) => {
    found.events.push('response error')
    found.responseError = { name: error.name, code: error.code, message: error.message }
  })
  let received = 0
  response.on('data', (chunk) => {
    received += chunk.length
    if (received > MAX_LENGTH && !request.aborted) {
      found.tooLarge = true
      request.abort()
    }
  })
  const encoded = response.headers['content-encoding'] === 'gzip'
  const body = encoded ? response.pipe(zlib.createGunzip()) : response
  const chunks = []
  body.on('data', (chunk) => chunks.push(chunk))
  const ended = once(body, 'end').then(() => {
    const text = Buffer.concat(chunks)
    found.length = text.length
    found.sha1 = createHash('sha1').update(text).digest('hex')
    found.links = [...text.toString().matchAll(/href="([^"]+)"/g)].map(([, href]) => href)
  })
  // A response that fails has reported its error.
  return ended.catch(() => {})
}

/** Follows redirects. */
async function visit(url) {
  const hops = []
  for (let at = url; hops.length <= MAX_REDIRECTS; ) {
    const found = await fetch(at)
    hops.push(found)
    if (found.location === undefined) return hops
    at = new URL(found.location, at)
  }
  return [...hops, 'too many redirects']
}

async function crawl() {
  const known = new Set([start.href])
  for (let level = [start]; level.length > 0; ) {
    const visits = await Promise.all(level.map(visit))
    level = []
    for (const hops of visits) {
      print(hops)
      for (const href of hops.at(-1).links ?? []) {
        const url = new URL(href, start)
        if (known.has(url.href)) continue
        known.add(url.href)
        level.push(url)
      }
    }
  }
}

/** Pages that have been seen are asked for once more. */
async function revisit() {
  const first = await fetch(new URL('/page-1.html', start), { method: 'HEAD' })
  print(first)
  const etag = first.rawHeaders[first.rawHeaders.findIndex((name) => name.toLowerCase() === 'etag') + 1]
  // A gzipped page has a weak one.
  print(await fetch(new URL('/page-1.html', start), { headers: { 'If-None-Match': etag } }))
  print(await fetch(new URL('/big.bin', start), { headers: { Range: 'bytes=10-19' } }))
  print(await fetch(new URL('/page-2.html', start), { headers: { Connection: 'close' } }))
}

async function main() {
  await crawl()
  await revisit()
  const count = (pool) => Object.values(pool).flat().length
  await new Promise(setImmediate)
  // The number of connections depends on the order of the answers.
  print({ waiting: count(agent.requests), kept: count(agent.freeSockets) <= AT_ONCE, few: sockets.size < 20 })
  agent.destroy()
  over()
}

main()
