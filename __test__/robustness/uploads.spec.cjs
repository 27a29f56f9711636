'use strict'
// Bodies in the worst possible pieces: every byte arrives once, in order, within bounded memory.
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const net = require('node:net')
const { setImmediate: turn } = require('node:timers/promises')
const test = require('ava')
const { createServer } = require('../../dist/index.js')
const { sample } = require('../helpers/leak.cjs')
const { quiet } = require('../helpers/probe.cjs')

const MIB = 1024 * 1024
const CHUNKS = 1_000_000
/** Of the resident set, while a million chunks pass: the largest sample against the one before. */
const GROWTH = 64 * MIB

const byteAt = (index) => (Math.imul(index, 2654435761) >>> 24) & 0xff

/** The chunked coding of bytes `from` to `to`, a chunk each. */
function oneByteChunks(from, to) {
  const out = Buffer.alloc((to - from) * 6)
  for (let index = from, at = 0; index < to; index += 1, at += 6) {
    out.write('1\r\n', at, 'latin1')
    out[at + 3] = byteAt(index)
    out.write('\r\n', at + 4, 'latin1')
  }
  return out
}

function expected() {
  const bytes = Buffer.alloc(CHUNKS)
  for (let index = 0; index < CHUNKS; index += 1) bytes[index] = byteAt(index)
  return createHash('sha256').update(bytes).digest('hex')
}

/** Answers with length and SHA-256; `consume` reads the request and calls back with each part. */
async function listen(t, consume) {
  const server = createServer(async (req, res) => {
    const hash = createHash('sha256')
    let bytes = 0
    await consume(req, (chunk) => {
      hash.update(chunk)
      bytes += chunk.length
    })
    res.end(`${bytes} ${hash.digest('hex')}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, port: server.address().port }
}

async function flowing(req, take) {
  req.on('data', take)
  await once(req, 'end')
}

async function slowly(req, take) {
  for await (const chunk of req) {
    take(chunk)
    await turn()
  }
}

/** Sends the million chunks, `step` to a write, and watches this process's memory meanwhile. */
async function send(port, step) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true)
  let answer = ''
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text
  })
  const { rss: before } = await sample()
  let peak = 0
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let from = 0; from < CHUNKS; from += step) {
    if (!socket.write(oneByteChunks(from, Math.min(from + step, CHUNKS)))) await once(socket, 'drain')
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  socket.write('0\r\n\r\n')
  await once(socket, 'close')
  return { body: answer.split('\r\n\r\n')[1], growth: peak - before }
}

for (const [title, consume, step] of [
  ['a million chunks of one byte, read as they come', flowing, 7_001],
  ['a million chunks of one byte, in small writes', flowing, 97],
  ['a million chunks of one byte, read by a slow iterator', slowly, 7_001],
]) {
  test.serial(title, async (t) => {
    const { server, port } = await listen(t, consume)
    const { body, growth } = await send(port, step)
    t.is(body, `${CHUNKS} ${expected()}`)
    t.log(`RSS grew by ${growth}`)
    t.true(growth < GROWTH, `RSS grew by ${growth}, allowed are ${GROWTH}`)
    await quiet(server)
  })
}

test.serial('a body that is not read is held back by credit, and its time limit ends it', async (t) => {
  const server = createServer({ requestTimeout: 3000, connectionsCheckingInterval: 100 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { rss: before } = await sample()
  const socket = net.connect(server.address().port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${512 * MIB}\r\n\r\n`)
  const [req] = await once(server, 'request')
  const failed = once(req, 'error')
  const block = Buffer.alloc(MIB, 'x')
  let sent = 0
  const send = () => {
    socket.write(block)
    sent += 1
  }
  socket.on('drain', send)
  send()
  const [error] = await failed
  t.is(error.code, 'ECONNRESET')
  t.true(sent < 64, `${sent} MiB were taken`)
  t.true(req.readableLength <= 256 * 1024, `${req.readableLength} bytes wait to be read`)
  const growth = process.memoryUsage.rss() - before
  t.true(growth < 32 * MIB, `RSS grew by ${growth}`)
  socket.destroy()
  await quiet(server)
})
