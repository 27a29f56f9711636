'use strict'
// `stats()` and `ferrohttp/metrics`: counts and times.
const http = require('ferrohttp')
const https = require('ferrohttp/https')
const { collect, contentType, handler, metrics } = require('ferrohttp/metrics')
const tls = require('node:tls')
const { once } = require('node:events')
const test = require('ava')
const certificate = require('../helpers/certificate.cjs')
const { listen } = require('../helpers/listen.cjs')
const { becomes } = require('../helpers/probe.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

function serve(t, listener, options = {}, module = http) {
  return listen(t, module.createServer(options, listener))
}

function request(port, options = {}) {
  return new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', ...options }, (res) => res.resume().on('end', resolve)).on('error', reject)
  })
}

// Serial, because the counts are those of the whole process.
test.serial('requests, their times, connections and bytes', async (t) => {
  const BUSY = 5
  const port = await serve(t, (_req, res) => {
    const until = performance.now() + BUSY
    while (performance.now() < until);
    res.end('hello')
  })
  const before = http.stats()
  const agent = new http.Agent({ keepAlive: true })
  for (let i = 0; i < 10; i++) await request(port, { agent })
  const during = http.stats()
  t.is(during.requests.served, before.requests.served + 10)
  for (const name of ['queueDelay', 'handler', 'request']) {
    t.is(during.times[name].count, before.times[name].count + 10, name)
    const { p50, p90, p99, p999, max } = during.times[name]
    t.true(p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max, name)
  }
  t.true(during.times.handler.max >= BUSY)
  t.true(during.times.request.max >= during.times.handler.p50)
  t.is(during.server.open, before.server.open + 1)
  t.is(during.server.states.idle, before.server.states.idle + 1)
  t.is(during.client.states.idle, before.client.states.idle + 1)
  t.deepEqual(during.agents.origins[`127.0.0.1:${port}`], { sockets: 0, freeSockets: 1, requests: 0 })
  agent.destroy()
  await becomes(
    () => http.stats().server.open === before.server.open,
    () => JSON.stringify(http.stats().server),
  )
  const after = http.stats()
  t.true(after.server.received - before.server.received > 10 * GET.length)
  t.is(after.server.sent - before.server.sent, after.client.received - before.client.received)
  t.true(after.threads.length > 0)
  for (const { cpu, elapsed } of after.threads) t.true(cpu === null || (cpu > 0 && cpu <= elapsed))
})

test.serial('the states of connections', async (t) => {
  const responses = []
  const port = await serve(t, (_req, res) => responses.push(res))
  const { states: before } = http.stats().server
  const state = async (client, text, name) => {
    await client.write(text)
    await becomes(
      () => http.stats().server.states[name] === before[name] + 1,
      () => JSON.stringify(http.stats().server.states),
    )
  }
  const client = await RawClient.connect(port)
  await state(client, 'GET / HTTP', 'receiving')
  await state(client, '/1.1\r\nHost: a\r\n\r\n', 'waiting')
  await becomes(
    () => responses.length === 1,
    () => 'no request',
  )
  responses.pop().end()
  await client.readResponse()
  await state(client, '', 'idle')
  t.is(http.stats().server.states.waiting, before.waiting)
})

test.serial('errors by code, timeouts by kind, handshakes by result', async (t) => {
  const port = await serve(t, (_req, res) => res.end(), { keepAliveTimeout: 1, keepAliveTimeoutBuffer: 0 })
  const before = http.stats()
  const broken = await RawClient.connect(port)
  await broken.write('nonsense\r\n\r\n')
  await broken.readToEnd()
  const idle = await RawClient.connect(port)
  await idle.write(GET)
  await idle.readToEnd()
  const secure = await serve(t, (_req, res) => res.end(), certificate, https)
  const failing = await RawClient.connect(secure)
  await failing.write('this is not TLS')
  await failing.closed
  const socket = tls.connect({ port: secure, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost' })
  socket.write(GET)
  await once(socket, 'data')
  socket.destroy()
  const server = http.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const closed = server.address().port
  await new Promise((resolve) => server.close(resolve))
  await t.throwsAsync(request(closed), { code: 'ECONNREFUSED' })
  await becomes(
    () => http.stats().https.handshakes.completed === before.https.handshakes.completed + 1,
    () => JSON.stringify(http.stats().https),
  )
  const after = http.stats()
  const count = (errors, code) => errors[code] ?? 0
  const grew = (side, code) => count(after[side].errors, code) - count(before[side].errors, code)
  t.is(grew('server', 'HPE_INVALID_METHOD'), 1)
  t.is(grew('client', 'ECONNREFUSED'), 1)
  t.is(after.timeouts.keepAlive, before.timeouts.keepAlive + 1)
  t.is(after.https.handshakes.failed, before.https.handshakes.failed + 1)
})

/** Values by name and labels of a text of OpenMetrics, whose form is checked. */
function parse(t, text) {
  const lines = text.split('\n')
  t.deepEqual(lines.splice(-2), ['# EOF', ''])
  const values = {}
  let family
  for (const line of lines) {
    const [, what, name] = /^# (TYPE|UNIT|HELP) (\S+) .+$/.exec(line) ?? []
    if (what === 'TYPE') family = name
    else if (what !== undefined) t.is(name, family)
    else {
      const [, sample, labels, value] = /^([a-z_]+)((?:\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\})?) (\S+)$/.exec(line) ?? []
      t.true(sample?.startsWith(family), line)
      t.true(Number.isFinite(Number(value)), line)
      values[sample + labels] = Number(value)
    }
  }
  return values
}

test.serial('metrics are text of OpenMetrics', async (t) => {
  const port = await serve(t, handler)
  await request(port)
  const client = await RawClient.connect(port)
  await client.write(GET)
  const response = await client.readResponse()
  t.is(Object.fromEntries(response.headers)['Content-Type'], contentType)
  const values = parse(t, response.body)
  const { served } = http.stats().requests
  // A request is counted when its handler has returned.
  t.is(values.ferrohttp_requests_total, served - 1)
  const { count } = http.stats().times.handler
  t.is(values.ferrohttp_handler_seconds_count, count - 1)
  const buckets = Object.entries(values).filter(([name]) => name.startsWith('ferrohttp_handler_seconds_bucket{'))
  t.true(buckets.length > 10)
  for (const [i, [name, value]] of buckets.entries()) t.true(value >= (buckets[i - 1]?.[1] ?? 0), name)
  t.deepEqual(buckets.at(-1), ['ferrohttp_handler_seconds_bucket{le="+Inf"}', count - 1])
  t.true(values['ferrohttp_bytes_total{side="server",direction="received"}'] > 0)
  parse(t, metrics())
})

test.serial('metrics are collected by a registry like that of prom-client', async (t) => {
  const registered = []
  collect({ registerMetric: (metric) => registered.push(metric) })
  const requests = registered.find(({ name }) => name === 'ferrohttp_requests_total')
  const before = requests.get().values[0].value
  const port = await serve(t, (_req, res) => res.end())
  await request(port)
  await becomes(
    () => requests.get().values[0].value > before,
    () => JSON.stringify(requests.get()),
  )
  const delay = registered.find(({ name }) => name === 'ferrohttp_queue_delay_seconds').get()
  t.is(delay.type, 'histogram')
  t.is(delay.values.at(-1).metricName, 'ferrohttp_queue_delay_seconds_count')
  const [{ labels }] = requests.get().values
  t.is(requests.get().values[0].labels, labels, 'all of a scrape are of one snapshot')
  await null
  t.not(requests.get().values[0].labels, labels, 'the next scrape has another')
})
