'use strict'
// Peers that reset or close the connection, at every moment of its life: programs get the events of Node, and no memory or handle
// is left.
const http = require('node:http')
const { once } = require('node:events')
const test = require('ava')
const { createServer } = require('../../dist/index.js')
const { RawClient } = require('../helpers/raw-client.cjs')
const { becomes, connections, get, leavesNothing, quiet } = require('../helpers/probe.cjs')

const MIB = 1024 * 1024
/** The yardstick is Node 24's behaviour; older ones differ in places. */
const YARDSTICK = Number(process.versions.node.split('.')[0]) >= 24

const HOST = 'Host: a\r\n'
const UPGRADE = `GET /upgrade HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`

/**
 * The bytes that are sent before the reset, and the event that is awaited first: text at the peer (`received`) or something that the
 * program is notified (`until`).
 */
const MOMENTS = [
  { title: 'before a byte', send: '' },
  { title: 'in the request line', send: 'GET / HT' },
  { title: 'in a head', send: `GET / HTTP/1.1\r\n${HOST}X: ` },
  {
    title: 'while a handler works',
    send: `GET /wait HTTP/1.1\r\n${HOST}\r\n`,
    until: 'request /wait',
  },
  {
    title: 'in a body',
    send: `POST /wait HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n12345`,
    until: 'req data 5',
  },
  {
    title: 'in a chunk',
    send: `POST /wait HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nff\r\n12345`,
    until: 'req data 5',
  },
  {
    title: 'behind a body, before the answer',
    send: `POST /wait HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\n12345`,
    until: 'req end',
  },
  {
    title: 'with the answer begun',
    send: `GET /stream HTTP/1.1\r\n${HOST}\r\n`,
    received: 'begun',
  },
  {
    title: 'with an answer that nobody reads',
    send: `GET /large HTTP/1.1\r\n${HOST}\r\n`,
    pause: true,
    until: 'request /large',
  },
  { title: 'when idle', send: `GET / HTTP/1.1\r\n${HOST}\r\n`, received: 'done' },
  { title: 'when idle, with part of the next head', send: `GET / HTTP/1.1\r\n${HOST}\r\nGET`, received: 'done' },
  {
    title: 'with pipelined requests waiting',
    send: `GET /wait HTTP/1.1\r\n${HOST}\r\n`.repeat(3),
    until: 'request /wait',
  },
  {
    title: 'instead of a body that was asked for',
    send: `POST /wait HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    received: '100 Continue',
  },
  { title: 'behind an upgrade', send: UPGRADE, received: 'upgraded' },
  { title: 'in the midst of an upgrade', send: `${UPGRADE}some bytes`, received: 'some bytes' },
  {
    title: 'in a tunnel',
    send: `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\nsome bytes`,
    received: 'some bytes',
  },
]

const LARGE = Buffer.alloc(16 * MIB, 'x')

async function listen(t, create) {
  const events = []
  const record = (event) => events.push(event)
  const server = create((req, res) => {
    record(`request ${req.url}`)
    req.on('data', (chunk) => record(`req data ${chunk.length}`))
    req.on('end', () => record('req end'))
    req.on('aborted', () => record('req aborted'))
    req.on('error', (error) => record(`req error ${error.code}`))
    req.on('close', () => record('req close'))
    res.on('finish', () => record('res finish'))
    res.on('error', (error) => record(`res error ${error.code}`))
    res.on('close', () => record('res close'))
    if (req.url === '/stream') res.write('begun')
    else if (req.url === '/large') res.end(LARGE, (error) => record(`callback ${error instanceof Error}`))
    else if (req.url === '/') res.end('done')
  })
  server.on('clientError', (error, socket) => {
    record(`clientError ${error.code}`)
    socket.destroy()
  })
  const takeOver = (req, socket, head) => {
    record(`upgrade ${req.method}`)
    socket.on('error', (error) => record(`socket error ${error.code}`))
    socket.on('end', () => record('socket end'))
    socket.on('close', (hadError) => record(`socket close ${hadError}`))
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nupgraded')
    socket.write(head)
    socket.pipe(socket)
  }
  server.on('upgrade', takeOver)
  server.on('connect', takeOver)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: server.address().port, events }
}

const ENDINGS = {
  reset: (client) => client.reset(),
  FIN: (client) => {
    client.end()
    client.resume()
  },
}

async function meet({ server, port, events }, { send, received, until, pause }, ending) {
  const client = await RawClient.connect(port)
  if (pause) client.pause()
  // A connection that is reset before it is accepted may never be reported.
  await becomes(
    async () => (await connections(server)) === 1,
    () => 'accepted',
  )
  if (send !== '') await client.write(send)
  if (received !== undefined) await client.readUntil(received)
  if (until !== undefined)
    await becomes(
      () => events.includes(until),
      () => events.join(),
    )
  ENDINGS[ending](client)
  await client.closed
  return client.received.replaceAll(/Date: [^\r]*/g, 'Date: …')
}

/** Separate for each object, because the order between them depends on microseconds. */
function byObject(events) {
  const sequences = {}
  for (const event of events) (sequences[event.split(' ')[0]] ??= []).push(event)
  return sequences
}

/** @returns the events of the connection, of which `expected` must be there */
async function transcript(t, create, moment, ending, expected = {}) {
  const listening = await listen(t, create)
  const { server, port, events } = listening
  const received = await meet(listening, moment, ending)
  await quiet(server)
  // A connection that the program has destroyed is not counted any more, although its end is not reported yet.
  const { received: _, ...sequencesDue } = expected
  const due = Object.values(sequencesDue).flat().length
  await becomes(
    () => events.length >= due,
    () => `events ${events}`,
  )
  const sequences = byObject(events)
  t.is(await get(port, '/'), 'HTTP/1.1 200 OK | done')
  // A reset may come before the last bytes have been read.
  return ending === 'reset' ? sequences : { ...sequences, received }
}

// Before the others, whose remains in the process would hide those of this test.
test.serial('ends at every moment leave no memory or handle', async (t) => {
  const listening = await listen(t, createServer)
  const { server, port, events } = listening
  const load = async () => {
    for (const moment of MOMENTS) {
      for (const ending of Object.keys(ENDINGS)) {
        // The bytes that this one reads at the end would dominate the measured memory.
        if (ending === 'FIN' && moment.pause) continue
        await meet(listening, moment, ending)
        await quiet(server)
        events.length = 0
      }
    }
  }
  await leavesNothing(t, { server, load, times: 10, rss: 40 * MIB, heap: 2 * MIB })
  t.is(await get(port, '/'), 'HTTP/1.1 200 OK | done')
})

if (YARDSTICK) {
  for (const ending of Object.keys(ENDINGS)) {
    for (const moment of MOMENTS) {
      test.serial(`a ${ending} ${moment.title}`, async (t) => {
        const expected = await transcript(t, http.createServer, moment, ending)
        t.deepEqual(await transcript(t, createServer, moment, ending, expected), expected)
      })
    }
  }
}
