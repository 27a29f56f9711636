'use strict'
// Several processes on one port, and sockets and handles that go from one process to another.
const { fork } = require('node:child_process')
const { once } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')
const { RawClient } = require('../helpers/raw-client.cjs')

const PRIMARY = path.join(__dirname, 'fixtures/cluster-primary.cjs')
const WORKER = path.join(__dirname, 'fixtures/cluster-worker.cjs')
const WORKERS = 3
const AT_LOOPBACK = { port: 0, host: '127.0.0.1' }
const GET_WHO = 'GET /who HTTP/1.1\r\nHost: a\r\n\r\n'

/** @param {number | string} target a port, or a path */
function get(target, url) {
  const where = typeof target === 'string' ? { socketPath: target } : { port: target, host: '127.0.0.1' }
  return new Promise((resolve, reject) => {
    http
      .get({ ...where, path: url, agent: false }, (res) => {
        let body = ''
        res.setEncoding('utf8').on('data', (text) => {
          body += text
        })
        res.on('end', () => resolve(body))
        res.on('error', reject)
      })
      .on('error', reject)
  })
}

/** The next message of the cluster. */
async function nextMessages(cluster, wanted) {
  const all = []
  while (all.length < wanted) all.push(await cluster.nextMessage())
  return all
}

/** A cluster of `WORKERS`, or of `count`, on `options`. */
async function clustered(t, policy, { count = WORKERS, options = AT_LOOPBACK, module = '' } = {}) {
  const cluster = start(PRIMARY, [policy, String(count), JSON.stringify(options), module])
  t.teardown(() => cluster.child.kill())
  return { cluster, ...(await cluster.nextMessage()) }
}

/** The addresses that both sides of a cluster report, without the parts that differ between two clusters. */
function comparable({ addresses, events }) {
  const ports = []
  const text = JSON.stringify({ addresses, events }, (key, value) => {
    if (key !== 'port' || value <= 0) return typeof value === 'string' ? value.replace(/-nodes$/, '') : value
    if (!ports.includes(value)) ports.push(value)
    return `port ${ports.indexOf(value)}`
  })
  return JSON.parse(text)
}

/**
 * A peer that asks for `url` on one connection, over and over. `over` says which process answered, what came that was not its
 * answer, and how the connection ended.
 */
function keepAsking(port, url) {
  let stopped = false
  let warmed
  const warm = new Promise((resolve) => {
    warmed = resolve
  })
  const ask = async () => {
    const outcome = { pid: null, wrong: null, error: null }
    const client = await RawClient.connect(port)
    try {
      while (!stopped && outcome.wrong === null) {
        await client.write(`GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
        const { body } = await client.readResponse()
        outcome.pid ??= Number.parseInt(body, 10)
        if (body !== `${outcome.pid} ${url}`) outcome.wrong = body
        warmed()
      }
    } catch (error) {
      outcome.error = error.message
    }
    client.socket.destroy()
    return outcome
  }
  return { over: ask(), warm, stop: () => (stopped = true) }
}

/** Each worker's counts of connections: all have been served by I/O threads. */
async function servedNatively(t, cluster, connections, count = WORKERS) {
  cluster.sendLine('stats')
  const counts = (await nextMessages(cluster, count)).map(({ stats }) => stats)
  t.is(
    counts.reduce((sum, { native }) => sum + native, 0),
    connections,
  )
  for (const { compatible } of counts) t.is(compatible, 0)
}

for (const [policy, title] of [
  ['rr', 'the primary accepts'],
  ['none', 'each accepts for itself'],
]) {
  test.serial(`${WORKERS} processes on one port: ${title}`, async (t) => {
    const { cluster, port, pids, addresses } = await clustered(t, policy)
    for (const address of addresses) t.deepEqual(address, { address: '127.0.0.1', family: 'IPv4', port })
    const answers = await Promise.all(Array.from({ length: 30 }, () => get(port, '/who')))
    for (const pid of answers) t.true(pids.includes(Number(pid)), pid)
    // The primary distributes in turn; the kernel decides by itself.
    if (policy === 'rr') t.deepEqual([...new Set(answers)].sort(), pids.map(String).sort())
    await servedNatively(t, cluster, 30)
    cluster.sendLine('end')
    await nextMessages(cluster, WORKERS)
  })

  test.serial(`the death of a process does not affect the requests of others: ${title}`, async (t) => {
    const { cluster, port } = await clustered(t, policy)
    const waiting = Array.from({ length: 12 }, () => get(port, '/wait').catch((error) => error.code))
    const holders = (await nextMessages(cluster, waiting.length)).map(({ pid }) => pid)
    await t.throwsAsync(get(port, '/die'), { code: 'ECONNRESET' })
    const { exit: dead, signal } = await cluster.nextMessage()
    t.is(signal, 'SIGKILL')
    // The other processes continue, and so does the new one.
    cluster.sendLine('add')
    t.deepEqual(await cluster.nextMessage(), { added: true })
    t.not(Number(await get(port, '/who')), dead)
    cluster.sendLine('answer')
    const answers = await Promise.all(waiting)
    const lost = answers.filter((answer) => answer === 'ECONNRESET')
    t.is(lost.length, holders.filter((pid) => pid === dead).length)
    for (const answer of answers) t.true(answer === 'ECONNRESET' || holders.includes(Number(answer)), answer)
    cluster.sendLine('end')
    await nextMessages(cluster, WORKERS)
  })

  test.serial(
    `a process dies under load: each peer receives its own answers, from one process: ${title}`,
    async (t) => {
      const { cluster, port, pids } = await clustered(t, policy)
      const load = Array.from({ length: 24 }, (_, i) => keepAsking(port, `/${i}`))
      await Promise.all(load.map(({ warm }) => warm))
      const [dead] = pids
      process.kill(dead, 'SIGKILL')
      t.is((await cluster.nextMessage()).exit, dead)
      for (const one of load) one.stop()
      const outcomes = await Promise.all(load.map(({ over }) => over))
      for (const { pid, wrong, error } of outcomes) {
        t.is(wrong, null)
        if (pid === dead) t.not(error, null)
        else t.is(error, null)
      }
      await servedNatively(t, cluster, outcomes.filter(({ pid }) => pid !== dead).length, WORKERS - 1)
      cluster.sendLine('end')
      await nextMessages(cluster, WORKERS - 1)
    },
  )

  test.serial(`an upgraded connection remains in its process: ${title}`, async (t) => {
    const { cluster, port, pids } = await clustered(t, policy)
    for (let i = 0; i < 4; i++) {
      const client = await RawClient.connect(port)
      await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhead')
      await client.readUntil('\r\n\r\n')
      const pid = Number(await client.readUntil(' '))
      t.true(pids.includes(pid))
      await client.readUntil('head')
      await client.write(`bytes of ${i}`)
      t.is(await client.readBytes(10), `bytes of ${i}`)
      client.socket.end()
      await client.closed
    }
    await servedNatively(t, cluster, 4)
  })

  test.serial(`worker.disconnect() closes the servers and waits for requests under way: ${title}`, async (t) => {
    const { cluster, port } = await clustered(t, policy, { count: 1 })
    const waiting = [get(port, '/wait'), get(port, '/wait')]
    const [{ pid }] = await nextMessages(cluster, waiting.length)
    // An idle connection must not keep the process alive.
    const idle = await RawClient.connect(port)
    await idle.write(GET_WHO)
    t.is((await idle.readResponse()).body, String(pid))
    cluster.sendLine('disconnect')
    await idle.closed
    t.is((await cluster.nextMessage()).got, 'closed')
    await t.throwsAsync(get(port, '/who'), { code: 'ECONNREFUSED' })
    cluster.sendLine('answer')
    for (const answer of await Promise.all(waiting)) t.is(answer, String(pid))
    t.deepEqual(await cluster.nextMessage(), { exit: pid, code: 0, signal: null, wanted: true })
  })

  for (const [where, options, exclusive] of [
    ['one address', AT_LOOPBACK],
    ['all addresses', { port: 0 }],
    ['a port of its own for each', { ...AT_LOOPBACK, exclusive: true }, true],
    ['a path', { path: path.join(os.tmpdir(), `ferrohttp-cluster-${process.pid}-${policy}`) }],
  ]) {
    const declare = options.path !== undefined && process.platform === 'win32' ? test.skip : test.serial
    declare(`addresses, as both sides see them: ${where}: ${title}`, async (t) => {
      const [own, nodes] = [
        await clustered(t, policy, { options }),
        await clustered(t, policy, {
          options: options.path === undefined ? options : { path: `${options.path}-nodes` },
          module: 'node:http',
        }),
      ]
      t.deepEqual(comparable(own), comparable(nodes))
      const ports = own.addresses.map((address) => address.port)
      t.is(new Set(ports).size, exclusive ? WORKERS : 1)
      const targets = options.path === undefined ? ports : own.addresses
      for (const target of targets) t.true(own.pids.includes(Number(await get(target, '/who'))))
      await servedNatively(t, own.cluster, WORKERS)
    })
  }
}

test.serial('a connection beyond maxConnections of a process is treated as by Node', async (t) => {
  const outcomes = []
  for (const module of ['', 'node:http']) {
    const options = { ...AT_LOOPBACK, maxConnections: 1 }
    const { port, pids } = await clustered(t, 'rr', { count: 2, options, module })
    const clients = []
    for (let i = 0; i < 3; i++) {
      const client = await RawClient.connect(port)
      clients.push(client)
      // No process accepts the third connection.
      if (i === 2) break
      await client.write(GET_WHO)
      t.true(pids.includes(Number((await client.readResponse()).body)))
    }
    // It is offered to the processes until one has room.
    clients[0].socket.destroy()
    await clients[2].write(GET_WHO)
    outcomes.push(
      await clients[2].readResponse().then(
        ({ body }) => pids.includes(Number(body)),
        () => 'closed',
      ),
    )
  }
  t.is(outcomes[0], outcomes[1])
})

/** A process that is no part of a cluster, and its next message with that member. */
async function child(t, stdio = []) {
  const worker = fork(WORKER, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', ...stdio, 'ipc'] })
  t.teardown(() => worker.kill())
  const messageWith = async (member) => {
    for (;;) {
      const [message] = await once(worker, 'message')
      if (member in message) return message[member]
    }
  }
  await messageWith('ready')
  return { worker, messageWith }
}

/** Of its server's connections. */
function counts(worker, messageWith) {
  const counted = messageWith('stats')
  worker.send({ command: 'stats' })
  return counted
}

test('sockets are handed over to another process', async (t) => {
  const { worker, messageWith } = await child(t)
  const acceptor = net.createServer({ pauseOnConnect: true }, (socket) => worker.send({ command: 'serve' }, socket))
  acceptor.listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  t.teardown(() => acceptor.close())
  for (let i = 0; i < 3; i++) t.is(await get(acceptor.address().port, '/who'), String(worker.pid))
  // The program has each as a net.Socket before the server does.
  t.deepEqual(await counts(worker, messageWith), { native: 0, compatible: 3, open: 0 })
})

test('a listening server is handed over to another process', async (t) => {
  const { worker, messageWith } = await child(t)
  const acceptor = net.createServer().listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  const { port } = acceptor.address()
  const listening = messageWith('listening')
  worker.send({ command: 'handle' }, acceptor)
  t.is((await listening).port, port)
  acceptor.close()
  t.is(await get(port, '/who'), String(worker.pid))
  t.like(await counts(worker, messageWith), { native: 1, compatible: 0 })
})

test('a server listens on a descriptor that it has inherited', async (t) => {
  const acceptor = net.createServer().listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  const { port } = acceptor.address()
  const { worker, messageWith } = await child(t, [acceptor._handle.fd])
  acceptor.close()
  const listening = messageWith('listening')
  worker.send({ command: 'fd' })
  t.is((await listening).port, port)
  t.is(await get(port, '/who'), String(worker.pid))
  t.like(await counts(worker, messageWith), { native: 1, compatible: 0 })
})
