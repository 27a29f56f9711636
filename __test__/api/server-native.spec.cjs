'use strict'
// Plain servers are served by the I/O threads: nothing sends them over the compatible road unnoticed.
const test = require('ava')
const ferrohttp = require('ferrohttp')
const { closeServer } = require('../helpers/play.cjs')
const { rawExchange } = require('../helpers/raw-client.cjs')

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** Serves one request and returns the change of the counts. */
async function counted(t, server, listenArgs, target) {
  const before = ferrohttp.stats().server
  await new Promise((resolve) => server.listen(...listenArgs, resolve))
  t.teardown(() => closeServer(server))
  const answer = await rawExchange(target(server), GET)
  const after = ferrohttp.stats().server
  t.regex(answer, /^HTTP\/1\.1 200 OK/)
  return { native: after.native - before.native, compatible: after.compatible - before.compatible }
}

const onPort = (server) => server.address().port
const answer = (_req, res) => res.end('ok')

const servers = {
  'a plain server': () => ferrohttp.createServer(answer),
  'one made with new': () => new ferrohttp.Server().on('request', answer),
  'one with every kind of option': () =>
    ferrohttp.createServer(
      {
        insecureHTTPParser: true,
        joinDuplicateHeaders: true,
        keepAlive: true,
        highWaterMark: 1000,
        maxHeaderSize: 4096,
        noDelay: false,
        requireHostHeader: false,
        uniqueHeaders: ['x'],
        IncomingMessage: class extends ferrohttp.IncomingMessage {},
        ServerResponse: class extends ferrohttp.ServerResponse {},
      },
      answer,
    ),
  'one that looks at its sockets': () =>
    ferrohttp
      .createServer((req, res) => {
        req.socket.setTimeout(1000)
        req.socket.on('data', () => {})
        res.end(req.socket.remoteAddress)
      })
      .on('connection', (socket) => socket.setNoDelay()),
}

for (const [title, make] of Object.entries(servers)) {
  test.serial(`${title} is on the native road`, async (t) => {
    t.deepEqual(await counted(t, make(), [0, '127.0.0.1'], onPort), { native: 1, compatible: 0 })
  })
}

test.serial('so does one on every address', async (t) => {
  t.deepEqual(await counted(t, ferrohttp.createServer(answer), [0], onPort), { native: 1, compatible: 0 })
})

test.serial('and one on a path', async (t) => {
  const path = require('node:path').join(require('node:os').tmpdir(), `ferrohttp-native-${process.pid}.sock`)
  t.deepEqual(await counted(t, ferrohttp.createServer(answer), [path], () => path), { native: 1, compatible: 0 })
})

test.serial('open connections are counted until they have closed', async (t) => {
  const { RawClient } = require('../helpers/raw-client.cjs')
  const server = ferrohttp.createServer(answer)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { open } = ferrohttp.stats().server
  const client = await RawClient.connect(server.address().port)
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.readResponse()
  t.is(ferrohttp.stats().server.open, open + 1)
  await closeServer(server)
  await client.closed
  while (ferrohttp.stats().server.open > open) await new Promise(setImmediate)
  t.is(ferrohttp.stats().server.open, open)
})
