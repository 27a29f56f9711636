'use strict'
// Several processes on one port, and sockets and handles that go from one process to another.
const { fork } = require('node:child_process')
const { once } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const test = require('ava')
const { start } = require('../helpers/fixture.cjs')

const PRIMARY = path.join(__dirname, 'fixtures/cluster-primary.cjs')
const WORKER = path.join(__dirname, 'fixtures/cluster-worker.cjs')
const WORKERS = 3

function get(port, url) {
  return new Promise((resolve, reject) => {
    http
      .get({ port, host: '127.0.0.1', path: url, agent: false }, (res) => {
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

/** What the cluster says next. */
async function said(cluster, wanted) {
  const all = []
  while (all.length < wanted) all.push(await cluster.said())
  return all
}

for (const [policy, title] of [
  ['rr', 'the primary accepts'],
  ['none', 'each accepts for itself'],
]) {
  test(`${WORKERS} processes on one port: ${title}`, async (t) => {
    const cluster = start(PRIMARY, [policy, String(WORKERS)])
    t.teardown(() => cluster.child.kill())
    const { port, pids } = await cluster.said()
    const answers = await Promise.all(Array.from({ length: 30 }, () => get(port, '/who')))
    for (const pid of answers) t.true(pids.includes(Number(pid)), pid)
    // The primary gives each its turn; the kernel gives to whom it likes.
    if (policy === 'rr') t.deepEqual([...new Set(answers)].sort(), pids.map(String).sort())
    cluster.tell('stats')
    const counts = (await said(cluster, WORKERS)).map(({ stats }) => stats)
    t.is(
      counts.reduce((sum, { native, compatible }) => sum + native + compatible, 0),
      30,
    )
    t.deepEqual(
      counts.map(({ native }) => native),
      [0, 0, 0],
    )
    cluster.tell('end')
    await said(cluster, WORKERS)
  })

  test(`a process that dies takes no other's requests with it: ${title}`, async (t) => {
    const cluster = start(PRIMARY, [policy, String(WORKERS)])
    t.teardown(() => cluster.child.kill())
    const { port } = await cluster.said()
    const waiting = Array.from({ length: 12 }, () => get(port, '/wait').catch((error) => error.code))
    const holders = (await said(cluster, waiting.length)).map(({ pid }) => pid)
    await t.throwsAsync(get(port, '/die'), { code: 'ECONNRESET' })
    const { exit: dead, signal } = await cluster.said()
    t.is(signal, 'SIGKILL')
    // The rest of them go on, and so does the one that comes instead.
    cluster.tell('add')
    t.deepEqual(await cluster.said(), { added: true })
    t.not(Number(await get(port, '/who')), dead)
    cluster.tell('answer')
    const answers = await Promise.all(waiting)
    const lost = answers.filter((answer) => answer === 'ECONNRESET')
    t.is(lost.length, holders.filter((pid) => pid === dead).length)
    for (const answer of answers) t.true(answer === 'ECONNRESET' || holders.includes(Number(answer)), answer)
    cluster.tell('end')
    await said(cluster, WORKERS)
  })
}

/** A process that is no part of a cluster, and its next message with that member. */
async function child(t, stdio = []) {
  const worker = fork(WORKER, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', ...stdio, 'ipc'] })
  t.teardown(() => worker.kill())
  const heard = async (member) => {
    for (;;) {
      const [message] = await once(worker, 'message')
      if (member in message) return message[member]
    }
  }
  await heard('ready')
  return { worker, heard }
}

test('sockets are handed over to another process', async (t) => {
  const { worker, heard } = await child(t)
  const acceptor = net.createServer({ pauseOnConnect: true }, (socket) => worker.send({ command: 'serve' }, socket))
  acceptor.listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  t.teardown(() => acceptor.close())
  for (let i = 0; i < 3; i++) t.is(await get(acceptor.address().port, '/who'), String(worker.pid))
  const counted = heard('stats')
  worker.send({ command: 'stats' })
  t.deepEqual(await counted, { native: 0, compatible: 3, open: 0 })
})

test('a listening server is handed over to another process', async (t) => {
  const { worker, heard } = await child(t)
  const acceptor = net.createServer().listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  const { port } = acceptor.address()
  const listening = heard('listening')
  worker.send({ command: 'handle' }, acceptor)
  t.is((await listening).port, port)
  acceptor.close()
  t.is(await get(port, '/who'), String(worker.pid))
})

test('a server listens on a descriptor that it has inherited', async (t) => {
  const acceptor = net.createServer().listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  const { port } = acceptor.address()
  const { worker, heard } = await child(t, [acceptor._handle.fd])
  acceptor.close()
  const listening = heard('listening')
  worker.send({ command: 'fd' })
  t.is((await listening).port, port)
  t.is(await get(port, '/who'), String(worker.pid))
})
