'use strict'
// The process of a server ends as with node:http, whatever requests are in progress.
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')
const { openAndStall } = require('../helpers/raw-peers.cjs')

const SERVER = path.join(__dirname, 'fixtures/exiting-server.cjs')
const HOST = 'Host: a\r\n'
/** Open requests besides the one that ends the process. */
const OTHERS = [
  `GET /large HTTP/1.1\r\n${HOST}\r\n`,
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `POST /wait HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\nbegun`,
  `GET /wait HTTP/1.1\r\n${HOST}\r\n`,
  'GET / HT',
]

/** @returns how the process ended, and the answer to the request that ended it */
async function ends(t, which, way) {
  const server = start(SERVER, [which, way])
  t.teardown(() => server.child.kill('SIGKILL'))
  const { port } = await server.nextMessage()
  const others = OTHERS.map((request) => openAndStall(port, request))
  await Promise.all(others.slice(0, 2).map((socket) => once(socket, 'data')))
  const last = await RawClient.connect(port)
  await last.write(`GET /end HTTP/1.1\r\n${HOST}\r\n`)
  if (way === 'close-from-outside') last.end()
  const { code, signal, stderr } = await server.exited
  await last.closed
  for (const socket of others) socket.destroy()
  const received = last.received.replace(/Date: .*/, 'Date: *')
  return { code, signal, message: stderr.match(/^Error: .*/m)?.[0], received }
}

const WAYS = {
  'exit-in-handler': { code: 7, signal: null },
  'exit-in-write-callback': { code: 7, signal: null },
  'exit-in-finish': { code: 7, signal: null },
  'exit-later': { code: 7, signal: null },
  'write-in-exit': { code: 7, signal: null },
  throw: { code: 1, signal: null, message: 'Error: the end' },
  reject: { code: 1, signal: null, message: 'Error: the end' },
  kill: { code: null, signal: 'SIGTERM' },
  abort: { code: 7, signal: null },
  close: { code: 0, signal: null },
  'close-from-outside': { code: 0, signal: null },
  unref: { code: 0, signal: null },
  'unref-socket': { code: 0, signal: null },
}

for (const [way, expected] of Object.entries(WAYS)) {
  test(`a process ends by ${way}`, async (t) => {
    const actual = await ends(t, 'ferrohttp', way)
    t.like(actual, expected)
    // Node's loop also waits for writes of unreferenced sockets, here for a peer that never reads.
    if (way !== 'unref-socket') t.deepEqual(actual, await ends(t, 'node:http', way))
  })
}

test('a server with an immediate unref does not keep the process alive', async (t) => {
  const server = start(SERVER, ['ferrohttp', 'unref-at-once'])
  t.teardown(() => server.child.kill('SIGKILL'))
  await server.nextMessage()
  t.like(await server.exited, { code: 0, signal: null, stderr: '' })
})
