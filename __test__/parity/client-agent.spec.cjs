'use strict'
// The agent: which connection a request gets, which requests wait, which connections are kept and for how long.
const { once } = require('node:events')
const net = require('node:net')

const { parity } = require('../helpers/parity.cjs')
const { rawServer } = require('./_exchange.cjs')
const on24 = require('./_on24.cjs')

const KEPT = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

/**
 * A parity test of an agent. The script gets `get(agent, options)`, which resolves when the request is closed and logs
 * nothing; `show(label, agent)`, which logs the pools; and `turn()`, which waits for events that are due.
 */
function agents(title, answer, script) {
  on24(
    title,
    parity(
      async (http, log, tools) => {
        const port = await rawServer(tools, answer)
        const made = []
        const make = (options, Class = http.Agent) => {
          const agent = new Class(options)
          made.push(agent)
          return agent
        }
        tools.after(() => {
          for (const agent of made) agent.destroy()
        })
        const counts = (pool) => Object.values(pool).map((list) => list.length)
        await script({
          http,
          log,
          port,
          make,
          turn: () => new Promise(setImmediate),
          show: (label, agent) =>
            log(
              label,
              counts(agent.sockets),
              counts(agent.freeSockets),
              counts(agent.requests),
              agent.totalSocketCount,
            ),
          get: (agent, options = {}, watch = () => {}) =>
            new Promise((resolve) => {
              const request = http.get({ host: '127.0.0.1', port, agent, ...options }, (response) => response.resume())
              request.on('error', (error) => log('error', error))
              watch(request)
              request.on('close', () => resolve(request))
            }),
        })
      },
      { nativeOnly: true },
    ),
  )
}

agents('a connection is used again', KEPT, async ({ log, make, get, show, turn }) => {
  const agent = make({ keepAlive: true })
  for (let i = 0; i < 3; i++) {
    const request = await get(agent)
    log(request.reusedSocket, request.shouldKeepAlive, request.socket._httpMessage === request)
    await turn()
    show('idle', agent)
    log(Object.values(agent.freeSockets)[0][0]._httpMessage)
  }
  agent.destroy()
  await new Promise((resolve) => Object.values(agent.freeSockets)[0][0].on('close', resolve))
  show('destroyed', agent)
})

agents('an agent that keeps nothing', KEPT, async ({ log, make, get, show, turn }) => {
  const agent = make({})
  log((await get(agent)).shouldKeepAlive)
  while (agent.totalSocketCount > 0) await turn()
  show('afterwards', agent)
})

agents('requests wait for one another', KEPT, async ({ log, make, get, show, turn }) => {
  const agent = make({ keepAlive: true, maxSockets: 1 })
  const watch = (i) => (request) => {
    request.on('socket', () => show(`socket ${i}`, agent))
    request.on('response', () => show(`response ${i}`, agent))
    request.on('close', () => {
      show(`close ${i}`, agent)
      log(request.reusedSocket)
    })
    show(`made ${i}`, agent)
  }
  await Promise.all([0, 1, 2, 3].map((i) => get(agent, {}, watch(i))))
  await turn()
  show('afterwards', agent)
})

// Node 24.22 looks once more whether the server has ended by then, see COMPATIBILITY.
const [, minor] = process.versions.node.split('.').map(Number)
const untilNode2422 = minor < 22 ? agents : () => {}
untilNode2422(
  'requests wait though nothing is kept',
  (socket) => socket.end(KEPT),
  async ({ make, get, show }) => {
    const agent = make({ maxSockets: 1 })
    const watch = (i) => (request) => request.on('close', () => show(`close ${i}`, agent))
    await Promise.all([0, 1, 2].map((i) => get(agent, {}, watch(i))))
  },
)

agents('a request that waits is destroyed', KEPT, async ({ log, make, get, show, turn }) => {
  const agent = make({ keepAlive: true, maxSockets: 1 })
  const watch = (i) => (request) => {
    request.on('close', () => show(`close ${i}`, agent))
    if (i === 1) request.destroy()
    if (i === 2) request.destroy(new Error('enough'))
    if (i === 3) request.abort()
  }
  await Promise.all([0, 1, 2, 3, 4].map((i) => get(agent, {}, watch(i))))
  await turn()
  show('afterwards', agent)
  log('end')
})

agents('maxTotalSockets over several names', KEPT, async ({ log, make, get }) => {
  const agent = make({ keepAlive: true, maxTotalSockets: 1 })
  const watch = (i) => (request) => request.on('close', () => log('close', i))
  await Promise.all([0, 1, 2, 3].map((i) => get(agent, { family: i % 2 === 0 ? 4 : 0 }, watch(i))))
  log(Object.keys(agent.requests))
})

for (const scheduling of ['lifo', 'fifo']) {
  agents(scheduling, KEPT, async ({ log, make, get, turn }) => {
    const agent = make({ keepAlive: true, scheduling })
    const sockets = (await Promise.all([0, 1, 2].map(() => get(agent)))).map((request) => request.socket)
    await turn()
    const order = Object.values(agent.freeSockets)[0].map((socket) => sockets.indexOf(socket))
    const next = sockets.indexOf((await get(agent)).socket)
    log(order.indexOf(next))
    await turn()
    log(Object.values(agent.freeSockets)[0].length)
  })
}

agents('maxFreeSockets', KEPT, async ({ make, get, show, turn }) => {
  const agent = make({ keepAlive: true, maxFreeSockets: 1 })
  await Promise.all([0, 1, 2].map(() => get(agent)))
  while (agent.totalSocketCount > 1) await turn()
  show('afterwards', agent)
})

for (const hint of ['timeout=1', 'timeout=2', 'timeout=5, max=1', 'max=1, timeout=5', 'timeout=x', 'timeout=100000']) {
  agents(
    `the server's hint: ${hint}`,
    `HTTP/1.1 200 OK\r\nKeep-Alive: ${hint}\r\nContent-Length: 0\r\n\r\n`,
    async ({ log, make, get, turn }) => {
      for (const options of [{}, { timeout: 3000 }, { agentKeepAliveTimeoutBuffer: 100, timeout: 3000 }]) {
        const agent = make({ keepAlive: true, ...options })
        await get(agent)
        await turn()
        log(Object.values(agent.freeSockets).map((list) => list.map((socket) => socket.timeout)))
      }
    },
  )
}

agents('an idle connection that ends', KEPT, async ({ make, get, show, turn }) => {
  const agent = make({ keepAlive: true })
  const { socket } = await get(agent)
  await turn()
  show('idle', agent)
  socket.destroy()
  await new Promise((resolve) => socket.once('close', resolve))
  show('closed', agent)
})

agents(
  'a reused connection that the server closes',
  (socket, request, number) => (number === 1 ? socket.write(KEPT) : socket.destroy()),
  async ({ log, make, get, show, turn }) => {
    const agent = make({ keepAlive: true })
    await get(agent)
    await turn()
    const request = await get(agent)
    log(request.reusedSocket, request.res)
    await turn()
    show('afterwards', agent)
  },
)

agents('every method can be replaced', KEPT, async ({ http, log, make, get, show, turn }) => {
  const names = (options) => Object.keys(options).sort()
  class Watched extends http.Agent {
    createConnection(options, callback) {
      log('createConnection', names(options), typeof callback)
      return super.createConnection(options, callback)
    }
    addRequest(request, options) {
      log('addRequest', names(options))
      return super.addRequest(request, options)
    }
    createSocket(request, options, callback) {
      log('createSocket', names(options))
      return super.createSocket(request, options, callback)
    }
    keepSocketAlive(socket) {
      log('keepSocketAlive')
      return super.keepSocketAlive(socket)
    }
    reuseSocket(socket, request) {
      log('reuseSocket')
      super.reuseSocket(socket, request)
    }
    removeSocket(socket, options) {
      // Not when the test is over.
      if (!socket.destroyed) log('removeSocket', names(options))
      super.removeSocket(socket, options)
    }
    getName(options) {
      return `watched:${super.getName(options)}`
    }
  }
  const agent = make({ keepAlive: true }, Watched)
  for (let i = 0; i < 2; i++) {
    await get(agent, { headers: { a: 1 } })
    await turn()
  }
  show('idle', agent)
  log(Object.keys(agent.freeSockets))
})

agents('keepSocketAlive says no', KEPT, async ({ make, get, show, turn }) => {
  const agent = make({ keepAlive: true })
  agent.keepSocketAlive = () => false
  await get(agent)
  while (agent.totalSocketCount > 0) await turn()
  show('afterwards', agent)
})

agents('createConnection by callback, failing, throwing', KEPT, async ({ log, make, get, show, port }) => {
  const net = require('node:net')
  const agent = make({})
  agent.createConnection = (options, callback) => {
    setImmediate(() => callback(null, net.connect(port, '127.0.0.1')))
  }
  log((await get(agent)).res.statusCode)
  agent.createConnection = (options, callback) => {
    setImmediate(() => callback(new Error('none')))
  }
  await get(agent)
  agent.createConnection = () => {
    throw new Error('at once')
  }
  try {
    await get(agent)
  } catch (error) {
    log('thrown', error)
  }
  show('afterwards', agent)
})

agents("'agentRemove' takes a connection out", KEPT, async ({ make, get, show, turn }) => {
  const agent = make({ keepAlive: true, maxSockets: 1 })
  let removed
  await get(agent, {}, (request) =>
    request.on('socket', (socket) => {
      removed = socket
      socket.emit('agentRemove')
      show('removed', agent)
    }),
  )
  await turn()
  show('afterwards', agent)
  removed.destroy()
})

agents(
  'a timeout of the agent',
  () => {},
  async ({ log, make, get }) => {
    const agent = make({ timeout: 30 })
    await get(agent, {}, (request) =>
      request.on('timeout', () => {
        log('timeout', request.timeout, request.socket.timeout)
        request.destroy()
      }),
    )
  },
)

agents(
  'an agent that reserves room in the views while it connects',
  KEPT,
  async ({ http, log, make, get, show, turn, port }) => {
    const net = require('node:net')
    class Reserving extends http.Agent {
      reserve(name) {
        const placeholder = new net.Socket({ writable: false })
        this.sockets[name] ??= []
        this.sockets[name].push(placeholder)
        this.totalSocketCount++
        return () => {
          const list = this.sockets[name]
          list.splice(list.indexOf(placeholder), 1)
          this.totalSocketCount--
          if (list.length === 0) delete this.sockets[name]
        }
      }
      createSocket(request, options, made) {
        const release = this.reserve(this.getName(options))
        setImmediate(() => {
          release()
          this.fresh = net.connect(port, '127.0.0.1')
          super.createSocket(request, options, made)
        })
      }
      createConnection() {
        return this.fresh
      }
    }
    for (const limits of [{ maxSockets: 2 }, { maxTotalSockets: 2 }, { maxSockets: 1, maxTotalSockets: 1 }]) {
      const agent = make({ keepAlive: true, ...limits }, Reserving)
      const watch = (i) => (request) => {
        show(`made ${i}`, agent)
        request.on('response', () => show(`response ${i}`, agent))
        request.on('close', () => log('close', i, request.reusedSocket))
      }
      await Promise.all([0, 1, 2, 3].map((i) => get(agent, { family: i === 3 ? 4 : 0 }, watch(i))))
      await turn()
      show('afterwards', agent)
    }
  },
)

agents("'free' with a socket that no agent has made", KEPT, async ({ log, make, get, turn, port }) => {
  const net = require('node:net')
  const agent = make({ keepAlive: true })
  const views = (label) =>
    log(label, Object.values(agent.sockets).flat().length, Object.values(agent.freeSockets).flat().length)
  const socket = net.connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.on('connect', resolve))
  const options = { host: '127.0.0.1', port }
  socket._httpMessage = { shouldKeepAlive: true }
  agent.emit('free', socket, options)
  views('given')
  const request = await get(agent)
  log(request.reusedSocket, request.socket === socket)
  views('used')
  agent.removeSocket(socket, options)
  views('removed')
  socket.destroy()
  await turn()
  agent.removeSocket(socket, options)
  views('removed again')
})

agents(
  'names that are no strings, and a message that does not state whether it is the last',
  KEPT,
  async ({ http, log, make, get, turn }) => {
    class Numbered extends http.Agent {
      getName(options) {
        return options.family ? 7 : undefined
      }
    }
    const agent = make({ keepAlive: true }, Numbered)
    for (const family of [4, undefined, 4]) {
      const request = await get(agent, { family })
      await turn()
      log(request.reusedSocket, Object.keys(agent.freeSockets))
    }
    const [idle] = agent.freeSockets[7]
    const request = await get(agent, { family: 4 }, (req) =>
      req.on('close', () => Object.assign(req.socket, { _httpMessage: {} })),
    )
    await turn()
    log(request.reusedSocket, idle.destroyed)
  },
)

on24(
  'the name that a socket resolves',
  parity(async (http, log, { listen, until }) => {
    const port = await listen(http.createServer((_req, res) => res.end()))
    for (const host of ['localhost', '127.0.0.1']) {
      const req = http.get({ host, port, family: 4, agent: false })
      const [socket] = await until(req, 'socket')
      log(socket._host)
      const [response] = await until(req, 'response')
      log(socket._host)
      response.resume()
      await until(response, 'end')
    }
  }),
)

on24(
  'an agent whose protocol and port are getters, and whose sockets come by a promise',
  parity(async (http, log, { after, listen, until }) => {
    const net = require('node:net')
    class Connecting extends http.Agent {
      constructor(options) {
        super(options)
        this.own = {}
      }
      get protocol() {
        return this.own.protocol ?? 'http:'
      }
      set protocol(value) {
        if (this.own) this.own.protocol = value
      }
      get defaultPort() {
        return this.own.defaultPort ?? 80
      }
      set defaultPort(value) {
        if (this.own) this.own.defaultPort = value
      }
      async connect(request, options) {
        log('connect', request.path, options.host)
        return net.connect(options.port, options.host)
      }
      createSocket(request, options, made) {
        this.connect(request, options).then((socket) => {
          this.own.socket = socket
          super.createSocket(request, options, made)
        }, made)
      }
      createConnection() {
        const { socket } = this.own
        this.own.socket = undefined
        return socket
      }
    }
    const server = http.createServer((req, res) => req.pipe(res))
    const port = await listen(server)
    for (const keepAlive of [false, true]) {
      const agent = new Connecting({ keepAlive })
      after(() => agent.destroy())
      log(agent.protocol, agent.defaultPort)
      for (const path of ['/1', '/2']) {
        const req = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent })
        req.end('body')
        const [response] = await until(req, 'response')
        let body = ''
        for await (const chunk of response) body += chunk
        log(response.statusCode, response.headers.connection, body, req.reusedSocket)
        await new Promise(setImmediate)
      }
    }
  }),
)

agents('a socket that never had a request is not kept', KEPT, async ({ log, make, port, show, turn }) => {
  const agent = make({ keepAlive: true })
  const options = { host: '127.0.0.1', port, path: null }
  const ofTheAgent = agent.createConnection(options)
  await once(ofTheAgent, 'connect')
  agent.emit('free', ofTheAgent, options)
  log(ofTheAgent.destroyed)
  await turn()
  show('its own', agent)
  const foreign = net.connect(port, '127.0.0.1')
  await once(foreign, 'connect')
  agent.emit('free', foreign, options)
  log(foreign.destroyed)
  show('foreign', agent)
})

agents('a socket that the agent has not made does not count', KEPT, async ({ log, make, port, get, show, turn }) => {
  const agent = make({ keepAlive: true, maxTotalSockets: 1 })
  const options = { host: '127.0.0.1', port, path: null }
  const foreign = net.connect(port, '127.0.0.1')
  await once(foreign, 'connect')
  foreign._httpMessage = { shouldKeepAlive: true }
  agent.emit('free', foreign, options)
  show('kept', agent)
  const first = await get(agent, {}, () => show('asked', agent))
  log(first.reusedSocket)
  await turn()
  show('used', agent)
  foreign.destroy()
  await once(foreign, 'close')
  show('closed', agent)
  const second = await get(agent)
  log(second.reusedSocket)
  await turn()
  show('one of its own', agent)
})

agents(
  'the count changes when a socket is made and when it closes',
  KEPT,
  async ({ log, make, port, get, show, turn }) => {
    const agent = make({ keepAlive: true })
    let socket
    const watch = (request) => request.on('socket', (given) => (socket = given))
    await get(agent, {}, (request) => {
      watch(request)
      request.on('socket', () => {
        show('given', agent)
        agent.removeSocket(socket, { host: '127.0.0.1', port, path: null })
        show('removed', agent)
      })
    })
    await turn()
    show('used', agent)
    log((await get(agent, {}, watch)).reusedSocket)
    await turn()
    const closed = once(socket, 'close')
    agent.destroy()
    await closed
    show('closed', agent)
  },
)

for (const [how, fail] of Object.entries({
  emitted: (socket, error) => process.nextTick(() => socket.emit('error', error)),
  'that destroys': (socket, error) => process.nextTick(() => socket.destroy(error)),
  'from the start': (socket, error) => void socket.destroy(error),
})) {
  on24(
    `an error of the socket before the request has begun: ${how}`,
    parity(async (http, log) => {
      for (const agent of [undefined, false]) {
        const request = http.request({
          agent,
          createConnection() {
            const socket = new net.Socket()
            fail(socket, new Error('early'))
            socket.on('close', () => log('socket', 'close'))
            return socket
          },
        })
        for (const event of ['socket', 'close']) request.on(event, () => log(event, request.destroyed))
        request.on('error', (error) => log('error', error.message))
        request.end()
        // All events are emitted in ticks. There may be no 'close' to wait for.
        for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
      }
    }),
  )
}

on24(
  'a response continues after the end of the request socket',
  parity(async (http, log, { after, listen, until }) => {
    const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
      after(() => socket.destroy())
      socket.on('error', () => {})
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nfirst'))
      socket.on('end', () => socket.end(' and last'))
    })
    const req = http.get({ port: await listen(server), host: '127.0.0.1', agent: false })
    const [response] = await until(req, 'response')
    response.on('aborted', () => log('aborted'))
    let body = ''
    for await (const chunk of response) {
      body += chunk
      req.socket?.end()
    }
    log(body, response.complete)
  }),
)
