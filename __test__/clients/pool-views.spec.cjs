'use strict'
// `agent.sockets`, `freeSockets` and `requests` are views of pools in Rust: through a long random life of several agents both
// print the same, and limits hold. What programs write into the views counts, too.
const net = require('node:net')
const { once } = require('node:events')
const { setImmediate: turn } = require('node:timers/promises')
const test = require('ava')
const http = require('ferrohttp')
const { collect, eventually } = require('../helpers/leak.cjs')

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

/** Answers each request, unless `fate` decides otherwise. */
async function listen(t, fate = () => 'answer') {
  const sockets = new Set()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (data) => {
      for (let asked = data.toString('latin1').split('\r\n\r\n').length - 1; asked > 0; asked--) {
        const what = fate()
        if (what === 'reset') socket.resetAndDestroy()
        else if (what === 'close') socket.end(ANSWER)
        else socket.write(ANSWER)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server.address().port
}

/** @returns a function of an upper bound, the same sequence each time */
function random(seed) {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 8) % bound
  }
}

const count = (view) => Object.values(view).reduce((sum, list) => sum + list.length, 0)
const VIEWS = ['sockets', 'freeSockets', 'requests']

/** The contents of the views of all agents. */
function shown(agents) {
  return Object.fromEntries(VIEWS.map((view) => [view, agents.reduce((sum, agent) => sum + count(agent[view]), 0)]))
}

/** Resolves when the request is over, however. */
function ended(request) {
  request.on('error', () => {})
  request.on('response', (response) => {
    response.on('error', () => {})
    response.resume()
  })
  return new Promise((resolve) => request.on('close', resolve))
}

test.serial('through a long life views and pools are at one', async (t) => {
  await collect()
  const before = http.stats().agents
  const next = random(7)
  const ports = []
  for (let i = 0; i < 3; i++)
    ports.push(await listen(t, () => ['answer', 'answer', 'answer', 'close', 'reset'][next(5)]))
  const agents = [
    { keepAlive: true, maxSockets: 3 },
    { keepAlive: true, maxSockets: 4, scheduling: 'fifo', maxFreeSockets: 1 },
    { keepAlive: true, maxTotalSockets: 5 },
    { maxSockets: 2 },
    { keepAlive: true },
  ].map((options) => new http.Agent(options))
  t.teardown(() => {
    for (const agent of agents) agent.destroy()
  })
  const check = () => {
    const { sockets, freeSockets } = http.stats().agents
    const views = shown(agents)
    // The length of the queue is reported with the next call.
    t.deepEqual(
      { sockets, freeSockets },
      { sockets: before.sockets + views.sockets, freeSockets: before.freeSockets + views.freeSockets },
    )
    for (const agent of agents) {
      // Those that were found destroyed are out of the views and count until they are closed.
      t.true(agent.totalSocketCount >= count(agent.sockets) + count(agent.freeSockets))
      for (const list of Object.values(agent.freeSockets))
        t.true(list.length > 0 && list.length <= agent.maxFreeSockets)
      for (const list of Object.values(agent.requests)) t.true(list.length > 0)
    }
  }
  const under = new Set()
  for (let step = 0; step < 3000; step++) {
    const agent = agents[next(agents.length)]
    const request = http.get({ host: '127.0.0.1', port: ports[next(3)], agent })
    const over = ended(request).then(() => under.delete(over))
    under.add(over)
    const fate = next(30)
    if (fate < 3) request.destroy()
    else if (fate < 6) request.on('socket', (socket) => socket.destroy())
    else if (fate < 8) request.on('response', () => request.destroy())
    if (next(40) === 0) for (const list of Object.values(agent.freeSockets)) list[0].destroy()
    if (next(100) === 0) agent.maxSockets = 1 + next(5)
    if (next(4) === 0) await turn()
    if (under.size > 40) await Promise.race(under)
    check()
  }
  await Promise.all(under)
  for (const agent of agents) agent.destroy()
  await eventually(() => agents.every((agent) => agent.totalSocketCount === 0))
  check()
  t.deepEqual(shown(agents), { sockets: 0, freeSockets: 0, requests: 0 })
  t.deepEqual(http.stats().agents, before)
})

test.serial('the pool of a collected agent is freed', async (t) => {
  const port = await listen(t)
  await collect()
  const before = http.stats().agents
  const used = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    await ended(http.get({ host: '127.0.0.1', port, agent }))
    await turn()
    t.is(http.stats().agents.freeSockets, before.freeSockets + 1)
    agent.destroy()
    await eventually(() => agent.totalSocketCount === 0)
    return new WeakRef(agent)
  }
  const reference = await used()
  for (let i = 0; i < 20 && reference.deref() !== undefined; i++) await collect()
  t.is(reference.deref(), undefined)
  t.deepEqual(http.stats().agents, before)
})

test.serial('an idle socket that a program removes from the view belongs to the program', async (t) => {
  const port = await listen(t)
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const get = async () => {
    const request = http.get({ host: '127.0.0.1', port, agent })
    await ended(request)
    await turn()
    return request
  }
  await get()
  const [name] = Object.keys(agent.freeSockets)
  const [taken] = agent.freeSockets[name].splice(0)
  t.teardown(() => taken.destroy())
  const other = await get()
  t.false(other.reusedSocket)
  t.deepEqual(agent.freeSockets[name].length, 1)
  // A socket that it adds to the view belongs to the agent.
  agent.freeSockets[name].unshift(taken)
  agent.scheduling = 'fifo'
  const request = http.get({ host: '127.0.0.1', port, agent })
  const [socket] = await once(request, 'socket')
  t.is(socket, taken)
  t.true(request.reusedSocket)
  await ended(request)
})

test.serial('the place of a destroyed idle socket is given to one request', async (t) => {
  const port = await listen(t)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const get = () => http.get({ host: '127.0.0.1', port, agent })
  await ended(get())
  await turn()
  const [idle] = Object.values(agent.freeSockets)[0]
  idle.destroy()
  let most = 0
  const requests = [get(), get(), get()]
  for (const request of requests) {
    request.on('socket', () => {
      most = Math.max(most, count(agent.sockets))
    })
  }
  t.deepEqual(agent.freeSockets, Object.create(null))
  t.is(count(agent.requests), 2)
  idle.on('close', () => {
    most = Math.max(most, count(agent.sockets))
  })
  await Promise.all(requests.map(ended))
  await turn()
  t.true(idle.closed)
  t.is(most, 1)
  t.is(agent.totalSocketCount, 1)
})
