'use strict'
// Handlers that throw, reject or destroy, at every moment: peers and the program receive the same as with node:http, other requests are
// served, and the connections close.
const path = require('node:path')
const { setTimeout: pause } = require('node:timers/promises')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { get } = require('../helpers/probe.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const SERVER = path.join(__dirname, 'fixtures/faulty-server.cjs')
/** The yardstick is Node 24's behaviour, here byte for byte: 26 joins writes of one tick. */
const YARDSTICK = Number(process.versions.node.split('.')[0]) === 24

const MIB = 1024 * 1024
/** Of some forty faults each. */
const ROUNDS = 60

const REQUEST = (url) => `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345`
/** Requests that are no POST to a path of the server's. */
const OTHERS = {
  'an upgrade': 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  'an expectation': 'GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n',
  garbage: 'garbage\r\n\r\n',
}

async function serve(t, which) {
  const server = start(SERVER, [which])
  t.teardown(() => server.child.kill('SIGKILL'))
  return Object.assign(server, await server.nextMessage())
}

/**
 * The outcome of one faulty request: the bytes, the end of the connection within a time, and the uncaught errors.
 * @param {string} [until] the end of the answer, which is waited for first
 */
async function observe(server, request, until) {
  const client = await RawClient.connect(server.port)
  await client.write(request)
  if (until !== undefined) await client.readUntil(until)
  // Only waiting shows whether the server leaves the connection open.
  const closed = await Promise.race([client.closed.then(() => true), pause(150, false)])
  const { code } = client
  if (!closed) client.reset()
  await client.closed
  server.sendLine('quiet')
  const rest = await server.nextMessage()
  server.sendLine('report')
  const received = client.received.replace(/Date: [^\r]*/, 'Date: …')
  return { received, ending: closed ? (code ?? 'end') : 'open', rest, uncaught: await server.nextMessage() }
}

const requestsOf = (server) => ({ ...Object.fromEntries(server.paths.map((url) => [url, REQUEST(url)])), ...OTHERS })

// Where the listener of 'data' throws Node's parser loses its position, and the request never ends. Ours continues.
const BETTER = new Set(['/throw-in-data'])

if (YARDSTICK) {
  test.serial('every fault is reported and answered as by node:http', async (t) => {
    const theirs = await serve(t, 'node:http')
    const ours = await serve(t, 'ferrohttp')
    for (const [title, request] of Object.entries(requestsOf(theirs))) {
      if (BETTER.has(title)) continue
      const [expected, actual] = await Promise.all([observe(theirs, request), observe(ours, request)])
      t.deepEqual(actual, expected, title)
    }
  })
}

test.serial('a request continues after a listener of data has thrown', async (t) => {
  const END = '\r\n\r\nread'
  const { received, rest, uncaught } = await observe(await serve(t, 'ferrohttp'), REQUEST('/throw-in-data'), END)
  t.true(received.endsWith(END))
  t.is(rest, 'quiet')
  t.deepEqual(uncaught, ['uncaughtException: in data'])
})

test.serial('requests that arrive with those that fail are served', async (t) => {
  const server = await serve(t, 'ferrohttp')
  // While this handler blocks JavaScript's thread all others arrive, and are served in one batch.
  const blocking = get(server.port, '/block')
  const faulty = server.paths.filter((url) => url.startsWith('/throw') || url.startsWith('/bad'))
  const clients = await Promise.all(faulty.map(() => RawClient.connect(server.port)))
  const answers = []
  for (const [index, client] of clients.entries()) {
    client.write(REQUEST(faulty[index]))
    answers.push(get(server.port))
  }
  t.is(await blocking, 'HTTP/1.1 200 OK | blocked')
  t.deepEqual(new Set(await Promise.all(answers)), new Set(['HTTP/1.1 200 OK | fine']))
  for (const client of clients) client.reset()
  await Promise.all(clients.map((client) => client.closed))
  server.sendLine('quiet')
  t.is(await server.nextMessage(), 'quiet')
})

test.serial('faults leave no memory or handle', async (t) => {
  const server = await serve(t, 'ferrohttp')
  const requests = Object.values(requestsOf(server)).filter((request) => !request.includes('/block'))
  const round = async () => {
    const clients = await Promise.all(requests.map(() => RawClient.connect(server.port)))
    await Promise.all(clients.map((client, index) => client.write(requests[index])))
    // Every request has been handled when a later one has its answer.
    await get(server.port)
    for (const client of clients) client.reset()
    await Promise.all(clients.map((client) => client.closed))
  }
  const sample = async () => {
    server.sendLine('quiet')
    t.is(await server.nextMessage(), 'quiet')
    server.sendLine('report')
    await server.nextMessage()
    server.sendLine('sample')
    return server.nextMessage()
  }
  for (let i = 0; i < 10; i += 1) await round()
  const before = await sample()
  for (let i = 0; i < ROUNDS; i += 1) await round()
  const after = await sample()
  t.deepEqual(after.handles, before.handles)
  t.is(after.threads, before.threads)
  const heap = after.heap + after.external - before.heap - before.external
  t.log(`grown by ${JSON.stringify({ rss: after.rss - before.rss, heap })}`)
  t.true(heap < 2 * MIB, `heap and external grew by ${heap}`)
  t.true(after.rss - before.rss < 32 * MIB, `RSS grew by ${after.rss - before.rss}`)
})
