'use strict'
// The option `overload`: which requests are refused, how, and the events.
const http = require('ferrohttp')
const { once } = require('node:events')
const test = require('ava')
const { kOverload } = require('../../build/internal/symbols.js')
const { Server } = require('../../build/server.js')
const { listen } = require('../helpers/listen.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const get = (target, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const post = (length, more = '') => get('/', `Content-Length: ${length}\r\n${more}`).replace('GET', 'POST')

async function serve(t, overload, handler, options) {
  const server = http.createServer({ overload, ...options }, handler)
  const port = await listen(t, server)
  return { server, port, connect: () => RawClient.connect(port) }
}

/** A server that accepts one request at a time, and has one. `answer()` answers it. */
async function full(t, options) {
  const responses = []
  const { server, ...rest } = await serve(
    t,
    { maxPending: 1, retryAfter: 7, interval: 200, ...options },
    (req, res) => {
      req.resume()
      responses.push(res)
    },
  )
  const first = await rest.connect()
  const arrived = once(server, 'request')
  await first.write(get('/'))
  await arrived
  return { server, first, responses, answer: () => responses.shift().end('answered'), ...rest }
}

async function exchange(client, text, options) {
  await client.write(text)
  return client.readResponse(options)
}

test('a request beyond maxPending is refused, and its connection kept', async (t) => {
  const { connect, first, answer, server, responses } = await full(t)
  const events = []
  server.on('overload', (event) => events.push(event))
  const client = await connect()
  const refusal = await exchange(client, get('/'))
  t.is(refusal.head.split('\r\n')[0], 'HTTP/1.1 503 Service Unavailable')
  t.like(Object.fromEntries(refusal.headers), { 'Retry-After': '7', Connection: 'keep-alive', 'Content-Length': '0' })
  while (events.length === 0) await once(server, 'overload')
  t.like(events[0], { active: true, refused: 1 })
  t.is((await exchange(client, get('/').replace('GET', 'HEAD'), { bodyless: true })).status, 503)
  answer()
  t.is((await first.readResponse()).body, 'answered')
  while (events.at(-1).active || events.at(-1).refused < 2) await once(server, 'overload')
  t.is(events.at(-1).refused, 2)
  const arrived = once(server, 'request')
  await client.write(get('/'))
  await arrived
  t.is(responses.length, 1)
  answer()
  t.is((await client.readResponse()).body, 'answered')
})

test('the body of a refused request is dropped, or its connection closed', async (t) => {
  const { connect } = await full(t)
  const client = await connect()
  t.is((await exchange(client, `${post(5)}hello`)).status, 503)
  t.is((await exchange(client, post(20_000) + 'x'.repeat(20_000) + get('/'))).status, 503)
  t.is((await client.readResponse()).status, 503)
  for (const request of [
    post(1_000_000),
    post(5, 'Expect: 100-continue\r\n'),
    get('/', 'Transfer-Encoding: chunked\r\n').replace('GET', 'POST'),
    get('/', 'Connection: upgrade\r\nUpgrade: x\r\n'),
    get('/', 'Connection: close\r\n'),
  ]) {
    const other = await connect()
    const { status, headers } = await exchange(other, request)
    t.is(status, 503, request)
    t.is(Object.fromEntries(headers).Connection, 'close', request)
    await other.readToEnd()
  }
})

test('pipelined requests are answered in order, also if some are refused', async (t) => {
  const { connect, first, answer, responses, server } = await full(t, { interval: 3_600_000 })
  const client = await connect()
  // The server refuses from here on.
  t.is((await exchange(client, get('/'))).status, 503)
  await first.write(get('/') + get('/'))
  const arrived = once(server, 'request')
  answer()
  t.is((await first.readResponse()).body, 'answered')
  // Its second request was not parsed before, because it might have had to be refused.
  await arrived
  t.is(responses.length, 1)
  answer()
  t.is((await first.readResponse()).body, 'answered')
  while (responses.length === 0) await new Promise(setImmediate)
  answer()
  t.is((await first.readResponse()).body, 'answered')
})

test('a pipeline never has more than maxPending requests unanswered', async (t) => {
  const { connect, first, answer, responses } = await full(t)
  answer()
  t.is((await first.readResponse()).body, 'answered')
  const client = await connect()
  await client.write(get('/').repeat(3))
  for (let i = 0; i < 3; i++) {
    while (responses.length === 0) await new Promise(setImmediate)
    t.is(responses.length, 1)
    answer()
    t.is((await client.readResponse()).body, 'answered')
  }
})

test('a connection that has left HTTP is no unanswered request', async (t) => {
  const { connect, first, answer, responses, server } = await full(t)
  answer()
  t.is((await first.readResponse()).body, 'answered')
  server.on('upgrade', (_req, socket) => {
    t.teardown(() => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  })
  const upgraded = await connect()
  await upgraded.write(get('/', 'Connection: upgrade\r\nUpgrade: x\r\n'))
  await upgraded.readUntil('\r\n\r\n')
  const arrived = once(server, 'request')
  await first.write(get('/'))
  await arrived
  t.is(responses.length, 1)
  answer()
  t.is((await first.readResponse()).body, 'answered')
})

test('exempt paths and probes are not refused', async (t) => {
  const responses = []
  const overload = { maxPending: 1, exempt: ['/admin/*', '/exact'] }
  const { connect, server } = await serve(t, overload, (_req, res) => responses.push(res), {
    health: { path: '/livez' },
  })
  const waiting = await connect()
  const first = once(server, 'request')
  await waiting.write(get('/'))
  await first
  const client = await connect()
  for (const target of ['/admin/a', '/admin/?b', '/exact', '/exact?c']) {
    const arrived = once(server, 'request')
    await client.write(get(target))
    await arrived
    responses.pop().end('answered')
    t.is((await client.readResponse()).body, 'answered', target)
  }
  t.is((await exchange(client, get('/livez'))).status, 200)
  t.is((await exchange(client, get('/exactly'))).status, 503)
})

test('requests that have to wait too long during an interval are refused, and served again when they need not', async (t) => {
  const BUSY = 10
  const overload = { maxQueueDelay: 2 * BUSY, interval: 4 * BUSY }
  const { server, connect } = await serve(t, overload, (_req, res) => {
    const until = performance.now() + BUSY
    while (performance.now() < until);
    res.end('served')
  })
  const events = []
  server.on('overload', (event) => events.push(event))
  const clients = await Promise.all(Array.from({ length: 40 }, connect))
  const statuses = new Map()
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < 20; i++) {
        const { status } = await exchange(client, get('/'))
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }),
  )
  t.true(statuses.get(503) > 0)
  t.true(statuses.get(200) > 0)
  t.true(events[0].active)
  t.true(events[0].queueDelay > overload.maxQueueDelay)
  while (events.at(-1).active) await once(server, 'overload')
  t.is(events.at(-1).refused, statuses.get(503))
  t.is((await exchange(clients[0], get('/'))).status, 200)
})

test('an end that is reported after the beginning that follows it does not end the refusals', (t) => {
  const server = new Server()
  const events = []
  server.on('overload', ({ active, refused }) => events.push([active, refused]))
  // The second beginning has overtaken the first end.
  const REPORTS = [
    [true, 1],
    [true, 8],
    [false, 7],
    [false, 9],
    [true, 10],
  ]
  for (const [active, refused] of REPORTS) server[kOverload](active, 1, refused)
  t.deepEqual(events, [REPORTS[0], REPORTS[3], REPORTS[4]])
})

test('options that make no sense', (t) => {
  const INVALID = [
    [null, 'ERR_INVALID_ARG_TYPE'],
    [1, 'ERR_INVALID_ARG_TYPE'],
    [{ maxQueueDelay: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxQueueDelay: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ maxQueueDelay: null }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxPending: null }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxPending: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ maxPending: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ interval: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ retryAfter: null }, 'ERR_INVALID_ARG_TYPE'],
    [{ retryAfter: 0.5 }, 'ERR_OUT_OF_RANGE'],
    [{ exempt: '/a' }, 'ERR_INVALID_ARG_TYPE'],
    [{ exempt: [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ exempt: ['a'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ exempt: ['/*/a'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ exempt: ['/a**'] }, 'ERR_INVALID_ARG_VALUE'],
  ]
  for (const [overload, code] of INVALID) {
    t.throws(() => http.createServer({ overload }), { code }, JSON.stringify(overload))
  }
})
