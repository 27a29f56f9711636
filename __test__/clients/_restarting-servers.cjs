'use strict'
// `_restarting-servers.cjs COUNT`: that many requests by one agent to servers that fail and restart. A program of its own,
// which prints the outcomes of the requests and what is left in the process.
const nodeHttp = require('node:http')
const { once } = require('node:events')
const fs = require('node:fs')
const { setImmediate: turn } = require('node:timers/promises')
const ferrohttp = require('../../dist/index.js')
const { eventually, sample } = require('../helpers/leak.cjs')

const COUNT = Number(process.argv[2])
const AT_ONCE = 50
const SERVERS = 3
/** Number of requests after which a server fails. */
const LIFE = 400
const BODY = 'b'.repeat(3000)

/** A server that fails in one of three ways, and restarts a little later on the same port. */
async function mortal() {
  const server = nodeHttp.createServer()
  const sockets = new Set()
  const self = { server, sockets, deaths: 0, port: 0, dying: null, over: false }
  let left = LIFE
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('request', (req, res) => {
    req.resume()
    left--
    if (left === 0) {
      left = LIFE
      self.dying = die(self)
      return
    }
    // Half of the body, so that some of them end within it.
    res.write(req.url)
    if (left % 3 === 0) setImmediate(() => res.end(BODY))
    else res.end(BODY)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  self.port = server.address().port
  return self
}

async function die(self) {
  const { server, sockets, port } = self
  const ways = [(socket) => socket.resetAndDestroy(), (socket) => socket.destroy(), (socket) => socket.destroySoon()]
  const kill = ways[self.deaths++ % ways.length]
  const closed = new Promise((resolve) => server.close(resolve))
  for (const socket of sockets) kill(socket)
  server.closeAllConnections()
  await closed
  // Some requests find no server.
  for (let i = 0; i < 20; i++) await turn()
  if (self.over) return
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

const tally = { answered: 0, errors: {}, wrong: [] }

/** One request, which must end once, with its own answer or an error. */
function ask(agent, { port }, id) {
  return new Promise((resolve) => {
    const post = id % 5 === 0
    const url = `/${id}`
    let closes = 0
    let outcome = null
    const settle = (how) => {
      outcome ??= how
    }
    const request = ferrohttp.request({ host: '127.0.0.1', port, agent, path: url, method: post ? 'POST' : 'GET' })
    request.on('error', (error) => settle(error.code))
    request.on('response', (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => {
        if (body === url + BODY) settle('answered')
        else tally.wrong.push([url, body.slice(0, 20)])
      })
      response.on('error', (error) => settle(`${error.code} within`))
    })
    request.on('close', () => {
      closes++
      if (closes > 1) tally.wrong.push([url, 'closed again'])
      // The response's own ending is due in the same turn.
      setImmediate(() => {
        const how = outcome ?? 'nothing'
        if (how === 'answered') tally.answered++
        else tally.errors[how] = (tally.errors[how] ?? 0) + 1
        resolve()
      })
    })
    request.end(post ? BODY : undefined)
  })
}

async function run(agent, servers, count) {
  let id = 0
  const worker = async () => {
    while (id < count) {
      const at = id++
      await ask(agent, servers[at % SERVERS], at)
    }
  }
  // More than there are connections, so that some always wait.
  await Promise.all(Array.from({ length: AT_ONCE * SERVERS * 2 }, worker))
}

const descriptors = () => (fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0)

async function main() {
  const servers = []
  for (let i = 0; i < SERVERS; i++) servers.push(await mortal())
  let most = 0
  const agent = new ferrohttp.Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const { createSocket } = agent
  agent.createSocket = function (...args) {
    createSocket.apply(this, args)
    for (const list of Object.values(this.sockets)) most = Math.max(most, list.length)
  }
  const start = Date.now()
  await run(agent, servers, Math.ceil(COUNT / 4))
  const rest = async () => {
    for (const server of servers) await server.dying
    agent.destroy()
    await eventually(() => ferrohttp.stats().client.open === 0)
    for (const { sockets } of servers) await eventually(() => sockets.size === 0)
  }
  await rest()
  const before = { ...(await sample()), descriptors: descriptors() }
  await run(agent, servers, COUNT - Math.ceil(COUNT / 4))
  await rest()
  const after = { ...(await sample()), descriptors: descriptors() }
  const seconds = (Date.now() - start) / 1000
  const count = (pool) => Object.values(pool).flat().length
  const report = {
    ...tally,
    seconds,
    most,
    deaths: servers.reduce((sum, { deaths }) => sum + deaths, 0),
    pools: [agent.sockets, agent.freeSockets, agent.requests].map(count),
    total: agent.totalSocketCount,
    stats: ferrohttp.stats().client,
    heap: after.heap - before.heap,
    rss: after.rss - before.rss,
    external: after.external - before.external,
    descriptors: after.descriptors - before.descriptors,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  for (const { server } of servers) server.close()
}

main()
