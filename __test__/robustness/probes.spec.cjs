'use strict'
// Probes of a server's health are answered while its JavaScript is blocked.
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const tls = require('node:tls')
const { once } = require('node:events')
const test = require('ava')
const certificate = require('../helpers/certificate.cjs')
const { start } = require('../helpers/fixture.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const SERVER = path.join(__dirname, 'fixtures/probed-server.cjs')
const request = (target, method = 'GET', more = '') => `${method} ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

async function serve(t, ...args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-probes-'))
  const file = path.join(folder, 'release')
  const server = start(SERVER, [file, ...args])
  t.teardown(() => {
    server.child.kill('SIGKILL')
    fs.rmSync(folder, { recursive: true, force: true })
  })
  const { port } = await server.nextMessage()
  const connect = async () => {
    if (args[0] !== 'https') return RawClient.connect(port)
    const socket = tls.connect({ port, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost' })
    await once(socket, 'secureConnect')
    return new RawClient(socket)
  }
  return Object.assign(server, { port, connect, file })
}

/** Blocks the server's JavaScript. @returns a function that ends that */
async function block(server) {
  const client = await server.connect()
  await client.write(request('/block'))
  if ((await server.nextMessage()) !== 'blocking') throw new Error('not blocking')
  return async () => {
    fs.writeFileSync(server.file, '')
    if ((await server.nextMessage()) !== 'awake') throw new Error('not awake')
    if ((await client.readResponse()).body !== 'served /block') throw new Error('not served')
  }
}

async function probe(client, target, method = 'GET', more = '') {
  await client.write(request(target, method, more))
  return client.readResponse({ bodyless: method === 'HEAD' })
}

for (const protocol of ['http', 'https']) {
  for (const isWatched of [false, true]) {
    const shown = isWatched ? ', with connections that the program wants to see first' : ''
    test(`${protocol}: probes are answered while JavaScript is blocked${shown}`, async (t) => {
      const server = await serve(t, protocol, ...(isWatched ? ['watched'] : []))
      const kept = await server.connect()
      t.is((await probe(kept, '/livez')).status, 200)
      const release = await block(server)
      const blocked = await server.connect()
      let last
      do last = await probe(blocked, '/livez?a')
      while (last.status === 200)
      t.is(last.head.split('\r\n')[0], 'HTTP/1.1 503 Service Unavailable')
      const body = JSON.parse(last.body)
      t.is(body.status, 'blocked')
      t.true(body.age >= 200)
      t.is((await probe(kept, '/readyz')).status, 503)
      t.is((await probe(kept, '/livez', 'HEAD')).status, 503)
      const closing = await server.connect()
      t.is((await probe(closing, '/livez', 'GET', 'Connection: close\r\n')).status, 503)
      await closing.closed
      await release()
      do last = await probe(kept, '/livez')
      while (last.status === 503)
      t.is(last.status, 200)
      t.is((await probe(blocked, '/x')).body, 'served /x')
    })
  }
}

test('a probe on a connection that JavaScript reads itself is answered', async (t) => {
  const server = await serve(t)
  const client = await server.connect()
  // Connections are lent on Linux only.
  const isLent = async () => process.platform !== 'linux' || (await probe(client, '/lent')).body === '1'
  while (!(await isLent())) t.is((await probe(client, '/x')).body, 'served /x')
  const release = await block(server)
  t.regex((await probe(client, '/livez')).body, /"age":[0-9]+/)
  await release()
})

test('requests that wait while JavaScript is blocked are counted, and served later in their order', async (t) => {
  const server = await serve(t)
  const release = await block(server)
  const client = await server.connect()
  await client.write(request('/a') + request('/livez') + request('/b'))
  const other = await server.connect()
  let queue
  do ({ queue } = JSON.parse((await probe(other, '/livez')).body))
  while (queue < 3)
  t.is(queue, 3)
  await release()
  t.is((await client.readResponse()).body, 'served /a')
  t.deepEqual(JSON.parse((await client.readResponse()).body), { status: 'ok', age: 0, queue: 0 })
  t.is((await client.readResponse()).body, 'served /b')
})

test('probes are answered while as much waits for JavaScript as is ever read', async (t) => {
  const server = await serve(t)
  const release = await block(server)
  const body = Buffer.alloc(256 * 1024)
  const peers = await Promise.all(Array.from({ length: 128 }, () => server.connect()))
  for (const peer of peers) {
    peer.write(request('/upload', 'POST', `Content-Length: ${body.length}\r\n`))
    peer.write(body)
  }
  for (let i = 0; i < 200; i++) {
    const client = await server.connect()
    t.regex((await probe(client, '/livez', 'GET', 'Connection: close\r\n')).body, /"status"/)
  }
  for (const peer of peers) peer.reset()
  await release()
})

test('a peer that ends before its connection is shown', async (t) => {
  const server = await serve(t, 'http', 'watched')
  const release = await block(server)
  const client = await server.connect()
  await client.write(request('/livez'))
  client.end()
  t.regex(await client.readUntil('}\n'), /"status"/)
  const silent = net.connect(server.port, '127.0.0.1')
  silent.end()
  await once(silent.resume(), 'close')
  await release()
  const later = await server.connect()
  t.is((await probe(later, '/x')).body, 'served /x')
})
