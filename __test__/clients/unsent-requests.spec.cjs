'use strict'
// A server ends an idle connection, or sends bytes on it, when it has just been given to a request. No byte of the request has been
// sent then, so it is sent on another connection.
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')
const test = require('ava')
const http = require('../..')

/** Answers with the number of the connection, but not to /silent. On a message it does something to all connections. */
const SERVER = `
  const net = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const done = new Int32Array(workerData)
  const open = new Set()
  let count = 0
  const server = net.createServer((socket) => {
    const body = String(++count)
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (bytes) => {
      if (!/silent/.test(bytes)) socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n' + body)
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
  const acts = {
    ends: (socket, next) => socket.end(next),
    resets: (socket, next) => socket.resetAndDestroy() && setImmediate(next),
    answers: (socket, next) => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\npoison', next),
  }
  parentPort.on('message', async (act) => {
    for (const socket of open) await new Promise((resolve) => acts[act](socket, resolve))
    Atomics.store(done, 0, 1)
    Atomics.notify(done, 0)
  })
`

async function startServer(t) {
  const done = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(SERVER, { eval: true, workerData: done.buffer })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  /** Blocks this thread until the server has done it. */
  const act = (name) => {
    Atomics.store(done, 0, 0)
    worker.postMessage(name)
    Atomics.wait(done, 0, 0)
  }
  return { port, act }
}

/** Until the agent keeps a connection. */
async function idle(agent) {
  while (Object.keys(agent.freeSockets).length === 0) await new Promise(setImmediate)
}

async function bodyOf(res) {
  let body = ''
  for await (const chunk of res) body += chunk
  return body
}

/** Whether a request can be sent again, and how it is sent. */
const REQUESTS = {
  'a GET': [true, {}, (req) => req.end()],
  'a POST of text': [true, { method: 'POST' }, (req) => req.end('text')],
  'a chunked POST of text': [
    true,
    { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } },
    (req) => req.end('text'),
  ],
  'a POST of bytes': [false, { method: 'POST' }, (req) => req.end(Buffer.from('bytes'))],
  'a POST that goes on': [
    false,
    { method: 'POST' },
    (req) => {
      req.write('a')
      setImmediate(() => req.end('b'))
    },
  ],
}

for (const act of ['ends', 'resets', 'answers']) {
  for (const [name, [repeats, options, send]] of Object.entries(REQUESTS)) {
    test.serial(`${name}, when the server ${act}`, async (t) => {
      const server = await startServer(t)
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      t.teardown(() => agent.destroy())
      const where = { port: server.port, host: '127.0.0.1', agent }
      const [first] = await once(http.get(where), 'response')
      t.is(await bodyOf(first), '1')
      await idle(agent)
      const events = []
      const req = http.request({ ...where, ...options })
      for (const event of ['socket', 'finish', 'error', 'close']) req.on(event, () => events.push(event))
      t.true(req.reusedSocket)
      send(req)
      server.act(act)
      if (!repeats) {
        const [error] = await once(req, 'error')
        t.is(error.code, 'ECONNRESET')
        return
      }
      const [res] = await once(req, 'response')
      t.false(req.reusedSocket)
      t.is(await bodyOf(res), '2')
      if (!events.includes('close')) await once(req, 'close')
      t.deepEqual(events, ['socket', 'finish', 'socket', 'close'])
      await new Promise(setImmediate)
      t.is(agent.totalSocketCount, 1)
    })
  }
}

test.serial('a request that is sent again keeps its timeout', async (t) => {
  const server = await startServer(t)
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const where = { port: server.port, host: '127.0.0.1', agent }
  const [first] = await once(http.get(where), 'response')
  await bodyOf(first)
  await idle(agent)
  const req = http.get({ ...where, path: '/silent' })
  req.on('error', () => {})
  let sockets = 0
  req.on('socket', () => sockets++)
  const timeout = once(req, 'timeout')
  req.setTimeout(20)
  server.act('ends')
  await timeout
  t.is(sockets, 2)
  req.destroy()
})

test.serial('a request that was cancelled is not sent again', async (t) => {
  const server = await startServer(t)
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const where = { port: server.port, host: '127.0.0.1', agent }
  const [first] = await once(http.get(where), 'response')
  await bodyOf(first)
  await idle(agent)
  const req = http.get(where)
  req.once('socket', () => process.nextTick(() => req.destroy()))
  server.act('ends')
  const [error] = await once(req, 'error')
  t.is(error.message, 'socket hang up')
  t.is(agent.totalSocketCount, 0)
})
