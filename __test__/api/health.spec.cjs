'use strict'
// The option `health` and its variables: which requests are probes, and the responses.
const http = require('ferrohttp')
const https = require('ferrohttp/https')
const path = require('node:path')
const { once } = require('node:events')
const { spawnSync } = require('node:child_process')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { listen, ROADS } = require('../helpers/listen.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const HEALTH = { path: '/livez', readyPath: '/readyz' }
/** The age is that of a busy machine. */
const isOk = (t, { status, body }) => {
  const { age, ...rest } = JSON.parse(body)
  t.is(status, 200)
  t.true(Number.isInteger(age))
  t.deepEqual(rest, { status: 'ok', queue: 0 })
}
const get = (target, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

async function serve(t, options, road = 'native', handler = (req, res) => res.end(`served ${req.url}`)) {
  const server = http.createServer(options, handler)
  const port = await listen(t, server, road)
  return { server, client: await RawClient.connect(port), port }
}

async function exchange(client, text, options) {
  await client.write(text)
  return client.readResponse(options)
}

for (const road of ROADS) {
  // Serial, because the counts are those of the whole process.
  test.serial(`${road}: probes are answered, counted, and no 'request'`, async (t) => {
    const { server, client } = await serve(t, { health: HEALTH }, road)
    const urls = []
    server.on('request', ({ url }) => urls.push(url))
    const { probes } = http.stats().requests
    const answer = await exchange(client, get('/livez'))
    isOk(t, answer)
    const fields = Object.fromEntries(answer.headers)
    t.like(fields, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Connection: 'keep-alive' })
    t.regex(fields.Date, / GMT$/)
    isOk(t, await exchange(client, get('/readyz?verbose')))
    const head = await exchange(client, get('/livez').replace('GET', 'HEAD'), { bodyless: true })
    t.regex(Object.fromEntries(head.headers)['Content-Length'], /^[1-9]/)
    t.is((await exchange(client, get('/livezz'))).body, 'served /livezz')
    t.is(http.stats().requests.probes, probes + 3)
    t.deepEqual(urls, ['/livezz'])
    await client.write(get('/livez', 'Connection: close\r\n'))
    t.regex(await client.readToEnd(), /Connection: close\r\n/)
  })

  test.serial(`${road}: other requests for the path are the program's`, async (t) => {
    const { client } = await serve(t, { health: HEALTH }, road)
    const post = get('/livez', 'Content-Length: 2\r\n').replace('GET', 'POST')
    t.is((await exchange(client, `${post}ab`)).body, 'served /livez')
    // A probe with a body is a probe.
    isOk(t, await exchange(client, `${get('/livez', 'Content-Length: 2\r\n')}ab`))
    await client.write('GET /livez HTTP/1.1\r\n\r\n')
    t.regex(await client.readToEnd(), /^HTTP\/1.1 400 /)
  })

  test.serial(`${road}: a probe after an unanswered request waits for its answer`, async (t) => {
    let answer
    const { client, server } = await serve(t, { health: HEALTH }, road, (_req, res) => {
      answer = () => res.end('first')
    })
    const arrived = once(server, 'request')
    await client.write(get('/a') + get('/livez') + get('/livez'))
    await arrived
    answer()
    t.is((await client.readResponse()).body, 'first')
    isOk(t, await client.readResponse())
    isOk(t, await client.readResponse())
  })
}

for (const road of ROADS) {
  test.serial(`${road}: a server that is drained is alive and not ready, until it serves again`, async (t) => {
    const { client, server, port } = await serve(t, { health: { ...HEALTH, status: 500 } }, road)
    const live = await RawClient.connect(port)
    // So that both connections belong to the server before it is drained.
    for (const one of [client, live]) await exchange(one, get('/livez'))
    // Only a server that listens has a delay.
    if (!server.listening) await listen(t, server)
    const controller = new AbortController()
    const drained = server.drain({ delay: 3_600_000, signal: controller.signal })
    const answer = await exchange(client, get('/readyz'))
    t.is(answer.head.split('\r\n')[0], 'HTTP/1.1 500 Internal Server Error')
    t.is(JSON.parse(answer.body).status, 'draining')
    t.true(answer.headers.some(([name, value]) => name === 'Connection' && value === 'close'))
    t.is((await exchange(live, get('/livez'))).status, 200)
    controller.abort()
    await drained
    const again = await RawClient.connect(road === 'native' ? await listen(t, server) : port)
    isOk(t, await exchange(again, get('/readyz')))
  })
}

test.serial(
  "HTTP/1.0 without a Host is answered, and listeners for 'data' of a socket see the program's bytes",
  async (t) => {
    const { server, port } = await serve(t, { health: HEALTH })
    const seen = []
    server.on('connection', (socket) => socket.on('data', (chunk) => seen.push(String(chunk))))
    const old = await RawClient.connect(port)
    await old.write('GET /livez HTTP/1.0\r\n\r\n')
    t.regex(await old.readToEnd(), /Connection: close\r\n[\s\S]*"ok"/)
    const client = await RawClient.connect(port)
    t.is((await exchange(client, get('/x'))).body, 'served /x')
    t.true(seen.includes(get('/x')))
  },
)

test('options that make no sense', (t) => {
  const INVALID = [
    [null, 'ERR_INVALID_ARG_TYPE'],
    ['/livez', 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_VALUE'],
    [{ path: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ path: 'livez' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: '/livez?a' }, 'ERR_INVALID_ARG_VALUE'],
    [{ readyPath: '/a b' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: '/livez', readyPath: '/livez' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: '/livez', maxDelay: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ path: '/livez', maxDelay: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ path: '/livez', status: 200 }, 'ERR_OUT_OF_RANGE'],
  ]
  for (const [health, code] of INVALID) {
    t.throws(() => http.createServer({ health }), { code }, JSON.stringify(health))
    t.throws(() => https.createServer({ health }), { code }, JSON.stringify(health))
  }
})

const PROGRAM = path.join(__dirname, '../robustness/fixtures/probed-server.cjs')

test('FERROHTTP_HEALTH and others are for servers without the option', async (t) => {
  const env = { FERROHTTP_HEALTH: '/alive', FERROHTTP_HEALTH_READY: '/ready', FERROHTTP_HEALTH_MAX_DELAY: '1m' }
  const program = start(PROGRAM, [''], { env })
  t.teardown(() => program.child.kill('SIGKILL'))
  const client = await RawClient.connect((await program.nextMessage()).port)
  isOk(t, await exchange(client, get('/alive')))
  isOk(t, await exchange(client, get('/ready')))
  t.is((await exchange(client, get('/livez'))).body, 'served /livez')
})

for (const kind of ['probed', 'unprobed']) {
  test(`FERROHTTP_HEALTH and a server whose option is ${kind === 'probed' ? 'missing' : 'false'}`, async (t) => {
    const program = start(PROGRAM, ['', 'http', kind], { env: { FERROHTTP_HEALTH: '/livez' } })
    t.teardown(() => program.child.kill('SIGKILL'))
    const client = await RawClient.connect((await program.nextMessage()).port)
    const answer = await exchange(client, get('/livez'))
    if (kind === 'probed') isOk(t, answer)
    else t.is(answer.body, 'served /livez')
  })
}

for (const [name, value] of [
  ['FERROHTTP_HEALTH', 'livez'],
  ['FERROHTTP_HEALTH_READY', '/ready?'],
  ['FERROHTTP_HEALTH_MAX_DELAY', '5'],
  ['FERROHTTP_HEALTH_MAX_DELAY', '0s'],
  // Without a path.
  ['FERROHTTP_HEALTH_MAX_DELAY', '5s'],
]) {
  test(`${name}=${value} is an error`, (t) => {
    const env = { ...process.env, [name]: value }
    const { status, stderr } = spawnSync(process.execPath, ['-e', "require('ferrohttp')"], { encoding: 'utf8', env })
    t.is(status, 1)
    t.regex(stderr, /ERR_FERROHTTP_INVALID_VARIABLE/)
    t.true(stderr.includes(name), stderr)
  })
}

test('bytes that follow an early probe are shown to a listener of the socket once', async (t) => {
  const server = http.createServer({ health: HEALTH }, (_req, res) => res.end('served'))
  const port = await listen(t, server)
  const connected = once(server, 'connection')
  server.on('connection', (socket) => socket.pause())
  const client = await RawClient.connect(port)
  const [socket] = await connected
  isOk(t, await exchange(client, get('/livez')))
  let seen = ''
  socket.on('data', (data) => {
    seen += data.latin1Slice()
  })
  socket.resume()
  const request = get('/a')
  await client.write(request.slice(0, 9))
  while (seen.length < 9) await once(socket, 'data')
  await client.write(request.slice(9))
  t.is((await client.readResponse()).body, 'served')
  t.is(seen, request)
})
