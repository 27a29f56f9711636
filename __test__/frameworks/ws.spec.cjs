'use strict'
// ws: the same bytes as on node:http, and thousands of messages echoed whole.
const test = require('ava')
const { WebSocket } = require('ws')
const { RawClient } = require('../helpers/raw-client.cjs')
const { answer, comparable, host, nativeOnly, request, sameOnAllRoads } = require('./_roads.cjs')
const { conversation, frame, HANDSHAKE } = require('./_websocket.cjs')

const CLOSE = frame('close', '\x03\xe8done')

const server = sameOnAllRoads(test, 'ws on a server', () => ['ws', 'server'])
const noServer = sameOnAllRoads(test, 'ws by handleUpgrade', () => ['ws', 'no-server'])

for (const same of [server, noServer]) {
  same('frames in the packet of the handshake', async ({ port }) => [
    await conversation(port, '/', {}, frame('text', 'at once'), CLOSE),
    await conversation(
      port,
      '/',
      {},
      frame('text', 'a', { final: false }),
      frame('ping', 'p'),
      frame('continuation', 'b'),
      CLOSE,
    ),
    await conversation(port, '/', {}, frame('binary', 'x'.repeat(20_000)), CLOSE),
    await conversation(port, '/', {}, frame('text'), frame('pong'), CLOSE),
  ])

  same('frames after the handshake', async ({ port }) => {
    const client = await RawClient.connect(port)
    await client.write(request('GET /', HANDSHAKE))
    const head = await client.readUntil('\r\n\r\n')
    const echoed = []
    for (const text of ['one', 'two', '']) {
      const sent = frame('text', text)
      for (const byte of sent) await client.write(byte)
      echoed.push(await client.readBytes(2 + text.length))
    }
    await client.write(CLOSE)
    await client.closed
    return [head, echoed, client.received]
  })

  same('closed by the server', async ({ port }) => [
    await conversation(port, '/bye', {}, frame('text', 'x'), frame('close', '\x0f\xa1bye')),
    await conversation(port, '/', {}, frame('text', 'not masked', { masked: false })),
    await conversation(port, '/', {}, frame('text', '\xff\xfe')),
    await conversation(port, '/refused', {}),
  ])

  same('handshakes that are none', async ({ port }) => [
    await conversation(port, '/', { 'Sec-WebSocket-Version': '1' }),
    await conversation(port, '/', { 'Sec-WebSocket-Key': 'short' }),
    await conversation(port, '/', { Upgrade: 'other' }),
  ])
}

server('protocols and requests beside sockets', async ({ port }) => [
  await conversation(
    port,
    '/',
    { 'Sec-WebSocket-Protocol': 'a, b', 'Sec-WebSocket-Extensions': 'permessage-deflate' },
    CLOSE,
  ),
  await answer(port, 'GET /'),
  await answer(port, 'POST /', {}, 'body'),
])

noServer('messages above the limit', ({ port }) => conversation(port, '/limited', {}, frame('text', 'x'.repeat(1001))))

noServer('a socket that is terminated', async ({ port }) => {
  const client = await RawClient.connect(port)
  await client.write(request('GET /terminate', HANDSHAKE) + frame('text', 'x'))
  await client.closed
  // Whether the echo got out before the end is a matter of time.
  return client.ended || client.code
})

test('a WebSocketServer that makes its own server', async (t) => {
  const seen = {}
  for (const way of ['own', 'preload']) {
    const served = await host(way, ['ws', 'port'])
    try {
      seen[way] = [
        await conversation(served.port, '/', {}, frame('text', 'x'), CLOSE),
        comparable(await answer(served.port, 'GET /')),
      ]
      if (way === 'preload') nativeOnly(t, await served.stats(), way)
    } finally {
      await served.stop()
    }
  }
  t.deepEqual(seen.preload, seen.own)
})

const SIZES = [0, 1, 125, 126, 127, 1000, 4096, 16_383, 65_535, 65_536, 100_000, 300_000, 1024 * 1024]
const MESSAGES = 10_000
/** Bytes for each size unless all messages are asked for: the small ones come in full number. */
const BUDGET = process.env.FERROHTTP_ALL_MESSAGES ? Number.POSITIVE_INFINITY : 6 * 1024 * 1024
/** Bytes on their way at a time. */
const WINDOW = 2 * 1024 * 1024

for (const way of ['explicit', 'preload']) {
  for (const path of ['/', '/deflate']) {
    test.serial(`echoed by ${way}: messages of 0 to 1 MiB on ${path}`, async (t) => {
      t.timeout(600_000)
      const served = await host(way, ['ws', 'no-server'])
      try {
        const messages = plan()
        t.is(await echo(t, served.port, path, messages), messages.length)
        nativeOnly(t, await served.stats(), way)
      } finally {
        await served.stop()
      }
    })
  }
}

/** Sizes of the messages to send, mixed. */
function plan() {
  const each = Math.ceil(MESSAGES / SIZES.length)
  const messages = SIZES.flatMap((size) => Array(Math.min(each, Math.ceil(BUDGET / Math.max(size, 1)))).fill(size))
  const step = 7919
  return messages.map((_, i) => messages[(i * step) % messages.length])
}

/** Sends messages, each as text or as bytes, and checks each that is returned. Resolves to their number. */
async function echo(t, port, path, sizes) {
  const perMessageDeflate = path === '/deflate' && { threshold: 0 }
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate, maxPayload: 16 * 1024 * 1024 })
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  t.is(client.extensions, perMessageDeflate ? 'permessage-deflate' : '')
  let sent = 0
  let received = 0
  let underWay = 0
  const sendMore = () => {
    while (sent < sizes.length && (underWay === 0 || underWay + sizes[sent] <= WINDOW)) {
      client.send(content(sent, sizes[sent]), { binary: sent % 2 === 0 })
      underWay += sizes[sent++] + 1
    }
    if (received === sizes.length) client.close(1000)
  }
  client.on('message', (data, binary) => {
    const size = sizes[received]
    // One assertion for all of them would be thousands.
    if (binary !== (received % 2 === 0) || !content(received, size).equals(data)) {
      client.terminate()
      t.fail(`message ${received} of ${size} bytes came back as ${data.length} other bytes`)
      return
    }
    underWay -= size + 1
    received++
    sendMore()
  })
  sendMore()
  const [code] = await new Promise((resolve, reject) =>
    client.once('close', (...how) => resolve(how)).once('error', reject),
  )
  t.is(code, 1000)
  return received
}

/** Lower-case letters in an order that `number` decides; compresses about by half. */
const LETTERS = Buffer.from(
  Array.from({ length: 1024 * 1024 + 10_000 }, (_, i) => 97 + ((Math.imul(i, 2654435761) >>> 13) % 26)),
)

function content(number, size) {
  const from = number % 10_000
  return LETTERS.subarray(from, from + size)
}
