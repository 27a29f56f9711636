'use strict'
// A peer of a process that ends immediately after its last writes receives the bytes that node:http has sent by then.
const net = require('node:net')
const path = require('node:path')
const { once } = require('node:events')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { eachRequest } = require('../helpers/raw-peers.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const FIXTURE = path.join(__dirname, 'fixtures/last-words.cjs')
const { responses, batches, requests } = ways()
const COUNT = 12
/** Threads that end so, too. */
const OF_WORKERS = ['end, exit', 'end, throw', 'write, exit', 'end in exit', 'write, exit in an immediate']
/** On the compatible road Node's own socket writes, so the test is about when it is corked. */
const ON_STREAMS = [
  ...OF_WORKERS,
  'flushHeaders, exit',
  'flushHeaders, write, exit',
  'raw, exit',
  'write, exit in a tick',
  'writeEarlyHints, exit',
]

function ways() {
  const { execFileSync } = require('node:child_process')
  return JSON.parse(execFileSync(process.execPath, [FIXTURE, 'node:http', 'native', '?'], { encoding: 'utf8' }))
}

/** How the process ended, and the bytes that each of its peers received. */
async function outcome(process, peers) {
  const { code, signal, stderr } = await process.exited
  const received = await Promise.all(
    peers.map(async (peer) => {
      await peer.closed
      return peer.received.replace(/Date: .*/g, 'Date: *')
    }),
  )
  return { code, signal, message: stderr.match(/^Error: .*/m)?.[0], received }
}

async function ofServer(t, name, road, way, converse) {
  const process = start(FIXTURE, [name, road, way])
  t.teardown(() => process.child.kill('SIGKILL'))
  return outcome(process, await converse(await process.nextMessage(), process))
}

/** A process of each kind; those of ours must end as Node's does. */
async function compare(t, way, run) {
  const roads = ON_STREAMS.includes(way) ? ['native', 'compatible'] : ['native']
  const [reference, ...ours] = await Promise.all([
    run('node:http', 'native'),
    ...roads.map((road) => run('ferrohttp', road)),
  ])
  for (const [i, own] of ours.entries()) t.deepEqual(own, reference, roads[i])
}

const request = (target, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

async function single(port, bytes = request('/')) {
  const peer = await RawClient.connect(port)
  await peer.write(bytes)
  return [peer]
}

for (const way of responses) {
  test.serial(`a server's process: ${way}`, (t) =>
    compare(t, way, (name, road) => ofServer(t, name, road, way, (port) => single(port))),
  )
}

for (const way of OF_WORKERS) {
  test.serial(`a server's thread: ${way}`, (t) =>
    compare(t, way, (name, road) =>
      ofServer(t, name, road, `worker: ${way}`, async (port, process) => {
        const peers = await single(port)
        peers.push({ closed: null, received: String(await process.nextMessage()) })
        return peers
      }),
    ),
  )
}

for (const way of ['upgrade, exit', 'upgrade, end, exit']) {
  test.serial(`a server's process: ${way}`, (t) =>
    compare(t, way, (name, road) =>
      ofServer(t, name, road, way, (port) => single(port, request('/', 'Connection: Upgrade\r\nUpgrade: x\r\n'))),
    ),
  )
}

for (const way of batches) {
  test.serial(`a server's process, pipelined requests: ${way}`, async (t) => {
    const [native, compatible, reference] = await Promise.all(
      [
        ['ferrohttp', 'native'],
        ['ferrohttp', 'compatible'],
        ['node:http', 'native'],
      ].map(([name, road]) =>
        ofServer(t, name, road, `pipelined: ${way}`, (port) =>
          single(port, Array.from({ length: COUNT }, (_, i) => request(`/${i}`)).join('')),
        ),
      ),
    )
    t.deepEqual(native, compatible)
    const { received, ...rest } = native
    t.deepEqual(rest, { code: reference.code, signal: reference.signal, message: reference.message })
    // Node sends an answer when the one before it has been sent. This process ends before that.
    t.true(received[0].startsWith(reference.received[0]))
    const answers = received[0].match(/answer to \/\d+/g)
    const last = { first: 0, middle: 5, last: COUNT - 1 }[way.match(/first|middle|last/)[0]]
    t.deepEqual(
      answers,
      Array.from({ length: last + 1 }, (_, i) => `answer to /${i}`),
    )
  })

  test.serial(`a server's process, requests of many connections at once: ${way}`, (t) =>
    compare(t, way, (name, road) =>
      ofServer(t, name, road, `connections: ${way}`, async (port, process) => {
        const peers = []
        for (let i = 0; i <= COUNT; i++) peers.push(await RawClient.connect(port))
        await peers[COUNT].write(request('/hold'))
        await peers[COUNT].readResponse()
        for (let i = 0; i < COUNT; i++) await peers[i].write(request(`/${i}`))
        process.sendLine('go')
        return peers
      }),
    ),
  )
}

for (const way of requests) {
  test.serial(`a client's process: ${way}`, (t) =>
    compare(t, way, async (name, road) => {
      const peer = { received: '', closed: null }
      const server = net.createServer((socket) => {
        peer.closed = once(socket, 'close')
        socket.on('data', (data) => {
          peer.received += data.toString('latin1')
        })
        let answered = false
        eachRequest(socket, () => {
          if (!answered) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
          answered = true
        })
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      t.teardown(() => server.close())
      const { port } = server.address()
      const process = start(FIXTURE, [name, road, way, String(port)])
      t.teardown(() => process.child.kill('SIGKILL'))
      const ended = await outcome(process, [peer])
      return { ...ended, received: ended.received.map((text) => text.replaceAll(String(port), '*')) }
    }),
  )
}
