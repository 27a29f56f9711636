'use strict'
// `server.drain()`, and SIGTERM with FERROHTTP_DRAIN: no request fails.
const http = require('ferrohttp')
const net = require('node:net')
const { spawnSync } = require('node:child_process')
const { constants } = require('node:os')
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { listen, ROADS } = require('../helpers/listen.cjs')
const { hasNoConnection } = require('../helpers/probe.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const PROGRAM = path.join(__dirname, 'fixtures/draining-server.cjs')
const REGISTER = ['--require', require.resolve('ferrohttp/register')]
const DRAINS = { node: REGISTER, env: { FERROHTTP_DRAIN: '30s' } }
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

function deferred() {
  const result = {}
  result.promise = new Promise((resolve) => {
    result.resolve = resolve
  })
  return result
}

async function serve(t, road, handler) {
  const server = http.createServer(handler)
  return { server, port: await listen(t, server, road) }
}

for (const road of ROADS) {
  test(`${road}: idle connections are closed, a request under way is answered and says that its connection closes`, async (t) => {
    const arrived = deferred()
    const { server, port } = await serve(t, road, (req, res) => {
      if (req.url === '/slow') arrived.resolve(res)
      else res.end('now')
    })
    const idle = await RawClient.connect(port)
    await idle.write(GET)
    await idle.readUntil('now')
    const busy = await RawClient.connect(port)
    await busy.write(GET.replace('/', '/slow'))
    const response = await arrived.promise
    const drained = server.drain()
    t.is(await idle.readToEnd(), '')
    response.end('at last')
    t.regex(await busy.readToEnd(), /Connection: close\r\n[\s\S]*at last$/)
    t.deepEqual(await drained, { cut: 0 })
    t.false(server.listening)
  })

  test(`${road}: the last of a pipeline closes, and all of it is answered`, async (t) => {
    const responses = []
    const all = deferred()
    const { server, port } = await serve(t, road, (_req, res) => responses.push(res) === 3 && all.resolve())
    const client = await RawClient.connect(port)
    await client.write(GET.repeat(3))
    await all.promise
    const drained = server.drain()
    for (const response of responses) response.end('x')
    const text = await client.readToEnd()
    t.is(text.split('HTTP/1.1 200 OK').length - 1, 3)
    t.is(text.split('Connection: close').length - 1, 1)
    t.deepEqual(await drained, { cut: 0 })
  })

  test(`${road}: a response that has begun continues, and then its connection is closed`, async (t) => {
    const begun = deferred()
    const { server, port } = await serve(t, road, (_req, res) => {
      res.write('begun')
      begun.resolve(res)
    })
    const client = await RawClient.connect(port)
    await client.write(GET)
    const response = await begun.promise
    await client.readUntil('begun')
    const drained = server.drain()
    response.end('ended')
    t.regex(await client.readToEnd(), /ended/)
    t.deepEqual(await drained, { cut: 0 })
  })

  test(`${road}: connections that are open after the timeout, or when the signal is aborted, are destroyed`, async (t) => {
    for (const aborts of [false, true]) {
      const arrived = deferred()
      const { server, port } = await serve(t, road, () => arrived.resolve())
      const client = await RawClient.connect(port)
      await client.write(GET)
      await arrived.promise
      const controller = new AbortController()
      const drained = server.drain({ timeout: aborts ? 3_600_000 : 1, signal: controller.signal })
      if (aborts) controller.abort()
      t.deepEqual(await drained, { cut: 1 })
      t.is(await client.readToEnd(), '')
    }
  })
}

test('during the delay connections are accepted, and each of their responses closes', async (t) => {
  const { server, port } = await serve(t, 'native', (_req, res) => res.end('x'))
  const idle = await RawClient.connect(port)
  await idle.write(GET)
  await idle.readUntil('x')
  const controller = new AbortController()
  const drained = server.drain({ delay: 3_600_000, signal: controller.signal })
  for (const client of [idle, await RawClient.connect(port)]) {
    await client.write(GET)
    t.regex(await client.readToEnd(), /Connection: close/)
  }
  t.true(server.listening)
  // The peer may see the end before this thread does, and the abort would then count the connection.
  await hasNoConnection(server)
  controller.abort()
  t.deepEqual(await drained, { cut: 0 })
  t.false(server.listening)
})

test('a server that does not listen, or is drained twice', async (t) => {
  const server = http.createServer()
  t.deepEqual(await server.drain(), { cut: 0 })
  server.listen(0)
  await once(server, 'listening')
  t.deepEqual(await Promise.all([server.drain(), server.drain()]), [{ cut: 0 }, { cut: 0 }])
})

test('a server that listens again keeps connections again', async (t) => {
  const { server, port } = await serve(t, 'native', (_req, res) => res.end('x'))
  t.deepEqual(await server.drain(), { cut: 0 })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const client = await RawClient.connect(port)
  await client.write(GET)
  t.regex(await client.readUntil('\r\n\r\n'), /Connection: keep-alive/)
})

test('options that make no sense', (t) => {
  const server = http.createServer()
  t.throws(() => server.drain(null), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => server.drain({ delay: '1' }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => server.drain({ timeout: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => server.drain({ timeout: Number.NaN }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => server.drain({ signal: {} }), { code: 'ERR_INVALID_ARG_TYPE' })
})

/** Resolves when no connection is accepted any more. */
async function untilRefused(port) {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    const refused = await new Promise((resolve) => {
      socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
    })
    socket.destroy()
    if (refused) return
  }
}

const onPosix = process.platform === 'win32' ? test.skip : test

onPosix('FERROHTTP_DRAIN: SIGTERM, however often, ends the program after its requests, by the signal', async (t) => {
  const program = start(PROGRAM, ['plain'], DRAINS)
  t.teardown(() => program.child.kill('SIGKILL'))
  const { port } = await program.nextMessage()
  const client = await RawClient.connect(port)
  await client.write(GET)
  t.deepEqual(await program.nextMessage(), { url: '/' })
  for (let i = 0; i < 3; i++) program.child.kill('SIGTERM')
  await untilRefused(port)
  program.sendLine('answer')
  t.regex(await client.readToEnd(), /Connection: close\r\n[\s\S]*answered$/)
  t.like(await program.exited, { code: null, signal: 'SIGTERM', stderr: '' })
})

onPosix('FERROHTTP_DRAIN: a program that listens for SIGTERM decides how it ends', async (t) => {
  const program = start(PROGRAM, ['listens'], DRAINS)
  t.teardown(() => program.child.kill('SIGKILL'))
  await program.nextMessage()
  program.child.kill('SIGTERM')
  t.deepEqual(await program.nextMessage(), { received: 'SIGTERM' })
  t.like(await program.exited, { code: 3, stderr: '' })
})

onPosix(
  'FERROHTTP_DRAIN: a program that closes its server on SIGTERM waits for the drain, without an error',
  async (t) => {
    const program = start(PROGRAM, ['closes'], DRAINS)
    t.teardown(() => program.child.kill('SIGKILL'))
    const { port } = await program.nextMessage()
    const client = await RawClient.connect(port)
    await client.write(GET)
    t.deepEqual(await program.nextMessage(), { url: '/' })
    program.child.kill('SIGTERM')
    t.deepEqual(await program.nextMessage(), { listening: false })
    program.sendLine('answer')
    t.regex(await client.readToEnd(), /Connection: close\r\n[\s\S]*answered$/)
    t.deepEqual(await program.nextMessage(), { closed: null })
    t.like(await program.exited, { code: 4, stderr: '' })
  },
)

onPosix('FERROHTTP_DRAIN_DELAY: connections are accepted although the program has closed its server', async (t) => {
  const env = { ...DRAINS.env, FERROHTTP_DRAIN_DELAY: '4s' }
  const program = start(PROGRAM, ['closes'], { ...DRAINS, env })
  t.teardown(() => program.child.kill('SIGKILL'))
  const { port } = await program.nextMessage()
  program.child.kill('SIGTERM')
  t.deepEqual(await program.nextMessage(), { listening: true })
  const client = await RawClient.connect(port)
  await client.write(GET)
  t.deepEqual(await program.nextMessage(), { url: '/' })
  program.sendLine('answer')
  t.regex(await client.readToEnd(), /Connection: close\r\n[\s\S]*answered$/)
  t.deepEqual(await program.nextMessage(), { closed: null })
  t.like(await program.exited, { code: 4, stderr: '' })
})

const OWN_PIDS = 'unshare --pid --fork --kill-child'
const asProcess1 = spawnSync('sh', ['-c', `${OWN_PIDS} true`]).status === 0 ? test : test.skip

asProcess1('FERROHTTP_DRAIN: process 1 of a container ends, although the kernel drops the signal', async (t) => {
  const program = start(PROGRAM, ['busy'], { ...DRAINS, shell: `exec ${OWN_PIDS} "$@"` })
  t.teardown(() => program.child.kill('SIGKILL'))
  t.like(await program.nextMessage(), { pid: 1 })
  program.sendLine('end')
  t.is((await program.exited).code, 128 + constants.signals.SIGTERM)
})

onPosix('without FERROHTTP_DRAIN SIGTERM ends the program at once', async (t) => {
  const program = start(PROGRAM, ['plain'], { node: REGISTER })
  const { port } = await program.nextMessage()
  const client = await RawClient.connect(port)
  await client.write(GET)
  t.deepEqual(await program.nextMessage(), { url: '/' })
  program.child.kill('SIGTERM')
  t.is(await client.readToEnd(), '')
  t.like(await program.exited, { code: null, signal: 'SIGTERM' })
})

onPosix('FERROHTTP_DRAIN: the primary of a cluster waits for its workers', async (t) => {
  const program = start(PROGRAM, ['primary'], DRAINS)
  t.teardown(() => program.child.kill('SIGKILL'))
  const { port } = await program.nextMessage()
  const client = await RawClient.connect(port)
  await client.write(GET)
  t.deepEqual(await program.nextMessage(), { url: '/' })
  program.child.kill('SIGTERM')
  await untilRefused(port)
  program.sendLine('answer')
  t.regex(await client.readToEnd(), /Connection: close\r\n[\s\S]*answered$/)
  t.like(await program.exited, { code: null, signal: 'SIGTERM', stderr: '' })
})
