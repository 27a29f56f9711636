// Peers that break the protocol, break off or stall: each gets Node's answer, and leaves no memory or handle.
const http = require('node:http')
const net = require('node:net')
const { once } = require('node:events')
const test = require('ava')
const { createServer } = require('../../dist/index.js')
const { listen } = require('../helpers/listen.cjs')
const { RawClient, rawExchange } = require('../helpers/raw-client.cjs')
const { becomes, get, leavesNothing, quiet, statuses } = require('../helpers/probe.cjs')

const MIB = 1024 * 1024
/** The yardstick is Node 24's behaviour; older ones differ in places. */
const YARDSTICK = Number(process.versions.node.split('.')[0]) >= 24

const BAD = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'
const LATE = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'
const TOO_LARGE = 'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n'
const HOST = 'Host: a\r\n'
/** Of `headOf`'s field, with maxHeaderSize 1024 and Node's way of counting. */
const LARGEST_VALUE = 1001

const noise = (length) => {
  let x = 7
  let text = '\x16\x03'
  while (text.length < length) text += String.fromCharCode((x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 24)
  return text
}
/** A request whose header fields, as Node counts them, come near `size` bytes. */
const headOf = (size, more = '') => `GET / HTTP/1.1\r\n${HOST}${more}X: ${'a'.repeat(size)}\r\n\r\n`

/**
 * The bytes of each peer, whether it then closes, its expected answer ('' for none), and the expected events of its
 * handler: 'request' when one was dispatched, 'aborted' when that broke off.
 */
const PEERS = [
  { title: 'garbage', send: noise(4096), answer: BAD, saw: [] },
  { title: 'a TLS hello', send: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', answer: BAD, saw: [] },
  { title: 'NUL bytes', send: '\0'.repeat(1024), answer: BAD, saw: [] },
  { title: 'a request line that never ends in a version', send: 'GET / \r\n\r\n', answer: BAD, saw: [] },
  { title: 'nothing, and closes', send: '', finish: true, answer: '', saw: [] },
  { title: 'empty lines only, and closes', send: '\r\n\r\n', finish: true, answer: '', saw: [] },
  { title: 'half a head, and closes', send: `GET / HTTP/1.1\r\nHost: `, finish: true, answer: BAD, saw: [] },
  { title: 'half a method, and closes', send: 'GE', finish: true, answer: BAD, saw: [] },
  { title: 'half a head, and stalls', send: `GET / HTTP/1.1\r\nHost: a`, answer: LATE, saw: [] },
  { title: 'nothing, and stalls', send: '', answer: LATE, saw: [] },
  {
    title: 'a body that stalls',
    send: `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n12345`,
    answer: LATE,
    saw: ['request', 'aborted'],
  },
  {
    title: 'a chunked body that stalls',
    send: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\n123`,
    answer: LATE,
    saw: ['request', 'aborted'],
  },
  {
    title: 'a body shorter than announced',
    send: `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n12345`,
    finish: true,
    answer: BAD,
    saw: ['request', 'aborted'],
  },
  {
    title: 'a chunked body without its last chunk',
    send: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n`,
    finish: true,
    answer: BAD,
    saw: ['request', 'aborted'],
  },
  {
    title: 'a chunk size that is none',
    send: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
    answer: BAD,
    saw: ['request', 'aborted'],
  },
  {
    title: 'a chunk size beyond all numbers',
    send: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(32)}\r\n`,
    answer: BAD,
    saw: ['request', 'aborted'],
  },
  { title: 'header fields beyond the limit', send: headOf(17 * 1024), answer: TOO_LARGE, saw: [] },
  {
    title: 'a header section without an end',
    send: `GET / HTTP/1.1\r\n${HOST}${'X-A: b\r\n'.repeat(4000)}`,
    answer: TOO_LARGE,
    saw: [],
  },
  {
    title: 'a target beyond the limit',
    send: `GET /${'a'.repeat(64 * 1024)} HTTP/1.1\r\n${HOST}\r\n`,
    answer: TOO_LARGE,
    saw: [],
  },
  {
    title: 'more fields than maxHeadersCount',
    send: `GET / HTTP/1.1\r\n${HOST}${'a:b\r\n'.repeat(1100)}\r\n`,
    answer: TOO_LARGE,
    saw: [],
  },
]

/** A server that reads each body and answers with its length; records the events of its handlers. */
async function serve(t, create, options) {
  const saw = []
  const server = create({ connectionsCheckingInterval: 50, ...options }, (req, res) => {
    saw.push('request')
    let length = 0
    req.on('data', (chunk) => {
      length += chunk.length
    })
    req.on('error', () => saw.push('aborted'))
    req.on('end', () => res.end(String(length)))
  })
  return { server, port: await listen(t, server), saw }
}

async function meet(port, { send, finish }) {
  const client = await RawClient.connect(port)
  if (send !== '') await client.write(send)
  if (finish) client.end()
  const { code } = await client.closed
  return { received: client.received, code }
}

const TIMEOUTS = { headersTimeout: 300, requestTimeout: 300 }
const SERVERS = YARDSTICK
  ? [
      ['ferrohttp', createServer],
      ['node:http', http.createServer],
    ]
  : [['ferrohttp', createServer]]

for (const [name, create] of SERVERS) {
  for (const { title, answer, saw: expected, ...peer } of PEERS) {
    test(`${name} answers a peer that sends ${title}`, async (t) => {
      const { port, saw } = await serve(t, create, TIMEOUTS)
      const { received, code } = await meet(port, peer)
      t.is(received, answer)
      // Unread bytes sometimes turn Node's close into a reset. ferrohttp lets the peer read its response first.
      if (name === 'ferrohttp') t.is(code, null)
      await becomes(
        () => saw.length >= expected.length,
        () => `seen: ${saw}`,
      )
      t.deepEqual(saw, expected)
      t.is(await get(port), 'HTTP/1.1 200 OK | 0')
    })
  }

  test(`${name} accepts header fields up to maxHeaderSize and refuses one byte more`, async (t) => {
    const { port } = await serve(t, create, { maxHeaderSize: 1024 })
    const status = async (size) => {
      const [status] = statuses(await rawExchange(port, headOf(size, 'Connection: close\r\n')))
      return status
    }
    let [low, high] = [1, 2048]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((await status(middle)) === 200) low = middle
      else high = middle
    }
    t.is(await status(low), 200)
    t.is(await status(high), 431)
    t.is(low, LARGEST_VALUE)
  })

  test(`${name} answers 408 to a head that arrives byte by byte`, async (t) => {
    const { port, saw } = await serve(t, create, TIMEOUTS)
    const client = await RawClient.connect(port)
    await client.write('GET / HTTP/1.1\r\nX: ')
    const trickle = setInterval(() => client.write('x'), 10)
    await client.closed
    clearInterval(trickle)
    t.is(client.received, LATE)
    t.deepEqual(saw, [])
  })
}

// Serial, so that nothing else is counted.
test.serial('peers of every kind leave no memory or handle', async (t) => {
  const { server, port } = await serve(t, createServer, { headersTimeout: 60, requestTimeout: 60 })
  const load = () => Promise.all(PEERS.map((peer) => meet(port, peer)))
  await leavesNothing(t, { server, load, times: 40, rss: 32 * MIB, heap: 2 * MIB })
  t.is(await get(port), 'HTTP/1.1 200 OK | 0')
})

// The kernel's buffers at both ends hold some MiB of answers; these are 625 MiB.
const FLOOD = { requests: 10_000, answer: 64 * 1024 }

async function flooded(t) {
  let handled = 0
  const body = Buffer.alloc(FLOOD.answer, 'x')
  const server = createServer((req, res) => {
    handled += 1
    // A buffer of its own, so that buffered answers show in the memory.
    res.end(Buffer.from(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const flood = `GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(FLOOD.requests)
  return { server, port: server.address().port, flood, handled: () => handled }
}

/** Resolves when `value()` has stayed the same for some turns. */
async function settles(value) {
  let last = Number.NaN
  let since = 0
  await becomes(
    () => {
      since = value() === last ? since + 1 : 0
      last = value()
      return since === 20
    },
    () => `still changing at ${last}`,
  )
  return last
}

test.serial(
  'a flood of pipelined requests from a client that never reads is held back, and leaves no memory or handle',
  async (t) => {
    const { server, port, flood, handled } = await flooded(t)
    const load = async () => {
      const client = await RawClient.connect(port)
      client.pause()
      client.socket.write(flood)
      const before = handled()
      t.true((await settles(handled)) - before < FLOOD.requests / 5)
      client.reset()
      await client.closed
    }
    await leavesNothing(t, { server, load, times: 10, rss: 32 * MIB, heap: 2 * MIB })
  },
)

test.serial('a flood of pipelined requests is served whole once its client reads', async (t) => {
  const { server, port, flood, handled } = await flooded(t)
  const socket = net.connect(port, '127.0.0.1')
  socket.pause()
  socket.end(flood)
  await settles(handled)
  let bytes = 0
  for await (const chunk of socket) bytes += chunk.length
  t.is(handled(), FLOOD.requests)
  t.true(bytes > FLOOD.requests * FLOOD.answer)
  await quiet(server)
})

test.serial('a client that never reads its answer is timed out by server.timeout', async (t) => {
  const { server, port, flood } = await flooded(t)
  server.timeout = 200
  const client = await RawClient.connect(port)
  client.pause()
  client.socket.write(flood)
  const [socket] = await once(server, 'timeout')
  t.true(socket.bytesWritten > 0)
  socket.destroy()
  client.socket.destroy()
  await quiet(server)
})
