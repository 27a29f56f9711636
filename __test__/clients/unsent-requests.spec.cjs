'use strict'
// A server ends an idle connection, or sends bytes on it, when it has just been given to a request. No byte of the request has been
// sent then, so it is sent on another connection.
const { once } = require('node:events')
const test = require('ava')
const http = require('../..')
const { startActingServer } = require('../helpers/acting-server.cjs')

/** Waits until the agent keeps a connection. */
async function idle(agent) {
  while (Object.keys(agent.freeSockets).length === 0) await new Promise(setImmediate)
}

async function bodyOf(res) {
  let body = ''
  for await (const chunk of res) body += chunk
  return body
}

/** A server, and an agent that keeps a connection to it. `where` are the options of a request that gets this connection. */
async function keepConnection(t) {
  const { port, act } = await startActingServer(t)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const where = { port, host: '127.0.0.1', agent }
  const [first] = await once(http.get(where), 'response')
  t.is(await bodyOf(first), '1')
  await idle(agent)
  return { act, agent, where }
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
  'a POST that continues': [
    false,
    { method: 'POST' },
    (req) => {
      req.write('a')
      setImmediate(() => req.end('b'))
    },
  ],
}

for (const deed of ['ends', 'resets', 'answers']) {
  for (const [name, [repeats, options, send]] of Object.entries(REQUESTS)) {
    test.serial(`${name}, when the server ${deed}`, async (t) => {
      const { act, agent, where } = await keepConnection(t)
      const events = []
      const req = http.request({ ...where, ...options })
      for (const event of ['socket', 'finish', 'error', 'close']) req.on(event, () => events.push(event))
      t.true(req.reusedSocket)
      send(req)
      act(deed)
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

for (const deed of ['ends', 'resets']) {
  test.serial(`a connection that has carried no request is not chosen after the server ${deed} it`, async (t) => {
    const { act, agent, where } = await keepConnection(t)
    // The kept connection is taken, so this one gets another.
    const held = http.get({ ...where, path: '/silent' })
    held.on('error', () => {})
    agent.maxSockets = 2
    const cancelled = http.get(where)
    cancelled.on('error', () => {})
    cancelled.destroy()
    await idle(agent)
    // The server has accepted it.
    const [socket] = Object.values(agent.freeSockets).flat()
    if (socket.connecting) await once(socket, 'connect')
    const before = http.stats().client.open
    act(deed)
    // This thread does not hear of it before it chooses.
    const req = http.get(where)
    t.not(req.socket, socket)
    const [res] = await once(req, 'response')
    t.is(await bodyOf(res), '3')
    t.is(before, 2)
    held.destroy()
  })
}

test.serial('a request that is sent again keeps its timeout', async (t) => {
  const { act, where } = await keepConnection(t)
  const req = http.get({ ...where, path: '/silent' })
  req.on('error', () => {})
  let sockets = 0
  req.on('socket', () => sockets++)
  const timeout = once(req, 'timeout')
  req.setTimeout(20)
  act('ends')
  await timeout
  t.is(sockets, 2)
  req.destroy()
})

test.serial('a request that was cancelled is not sent again', async (t) => {
  const { act, agent, where } = await keepConnection(t)
  const req = http.get(where)
  req.once('socket', () => process.nextTick(() => req.destroy()))
  act('ends')
  const [error] = await once(req, 'error')
  t.is(error.message, 'socket hang up')
  t.is(agent.totalSocketCount, 0)
})
