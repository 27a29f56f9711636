'use strict'
// While JavaScript is blocked the I/O threads apply the time limits.
const path = require('node:path')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { get, statuses } = require('../helpers/probe.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const SERVER = path.join(__dirname, 'fixtures/blocking-server.cjs')
/** Several times the server's headersTimeout. */
const BLOCK_MS = 4000

async function serve(t) {
  const server = start(SERVER, [String(BLOCK_MS)])
  t.teardown(() => server.child.kill('SIGKILL'))
  return Object.assign(server, await server.nextMessage())
}

test('late peers get 408, and idle ones are closed, while JavaScript is blocked', async (t) => {
  const server = await serve(t)
  const idle = await RawClient.connect(server.port)
  await idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await idle.readResponse()

  let awake = false
  const woke = server.nextMessage().then((message) => {
    awake = true
    return message
  })
  const blocking = get(server.port, '/block')
  const peers = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(server.port)))
  for (const [index, peer] of peers.entries()) {
    peer.write(['GET / HT', 'GET / HTTP/1.1\r\nHost: a\r\nX', ''][index % 3])
  }
  await Promise.all(peers.map((peer) => peer.closed))
  await idle.closed
  t.false(awake, 'JavaScript was still blocked when all of them had their answers')
  for (const peer of peers) {
    t.is(peer.received, 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
    t.true(peer.ended)
  }
  t.is(await woke, 'awake')
  t.is(await blocking, 'HTTP/1.1 200 OK | fine')
  t.is(await get(server.port), 'HTTP/1.1 200 OK | fine')
})

test('requests that arrive while JavaScript is blocked are served afterwards', async (t) => {
  const server = await serve(t)
  const blocking = get(server.port, '/block')
  const answers = Array.from({ length: 100 }, () => get(server.port))
  const pipelined = await RawClient.connect(server.port)
  await pipelined.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(40))
  t.is(await server.nextMessage(), 'awake')
  t.is(await blocking, 'HTTP/1.1 200 OK | fine')
  t.deepEqual(new Set(await Promise.all(answers)), new Set(['HTTP/1.1 200 OK | fine']))
  await pipelined.closed
  t.deepEqual(statuses(pipelined.received), Array(40).fill(200))
})
