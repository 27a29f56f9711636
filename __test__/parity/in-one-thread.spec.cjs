'use strict'
// Server and client in one thread, as in programs' own tests: no event is emitted earlier than by Node.
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

/** Not at the same time as other tests: an I/O thread sends several answers together, and acknowledges them later. */
const alone = on24.serial ?? on24

on24(
  'setImmediate of a handler comes before the client has its answer',
  parity(async (http, log, { after, listen, until }) => {
    const server = http.createServer((req, res) => {
      log('request', req.url)
      const answer = () => {
        setImmediate(() => log('after the answer'))
        res.end('ok')
      }
      if (req.url === '/now') answer()
      else Promise.resolve().then(answer)
    })
    const port = await listen(server)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    after(() => agent.destroy())
    for (const path of ['/now', '/later', '/now', '/later', '/now', '/later', '/now', '/later']) {
      const req = http.get({ port, path, host: '127.0.0.1', agent })
      const [response] = await until(req, 'response')
      log('response')
      response.resume()
      await until(response, 'end')
      log('end')
    }
  }),
)

on24(
  'a program that stops the global timers and clocks stops no connection',
  parity(
    async (http, log, { after, listen, until }) => {
      const real = { Date, setImmediate, setTimeout }
      const never = () => ({ ref() {}, unref() {}, hasRef: () => false })
      const server = http.createServer((req, res) => {
        if (req.url === '/throws') throw new Error('of the handler')
        res.end('ok')
      })
      process.on('uncaughtException', (error) => {
        log(error.message)
        server.emit('thrown')
      })
      const port = await listen(server)
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      after(() => agent.destroy())
      Object.assign(globalThis, { setImmediate: never, setTimeout: never, setInterval: never })
      globalThis.Date = class extends real.Date {
        constructor() {
          super(0)
        }
        static now() {
          return 0
        }
      }
      after(() => Object.assign(globalThis, real))
      const failing = http.get({ port, host: '127.0.0.1', path: '/throws', agent: false })
      await until(server, 'thrown')
      failing.on('error', () => {}).destroy()
      for (let i = 0; i < 10; i++) {
        const [response] = await until(http.get({ port, host: '127.0.0.1', agent }), 'response')
        response.resume()
        await until(response, 'end')
        log(response.statusCode, real.Date.parse(response.headers.date) > 0)
      }
    },
    { isolated: true },
  ),
)

on24(
  'no connection comes after the server has closed',
  parity(async (http, log, { after, listen, until }) => {
    const server = http.createServer((_req, res) => {
      log('request')
      res.end()
    })
    server.on('connection', () => log('connection'))
    const port = await listen(server)
    const client = require('node:net').connect(port, '127.0.0.1')
    after(() => client.destroy())
    client.on('error', () => log('turned away'))
    client.on('end', () => log('turned away'))
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise(process.nextTick)
    // Connected in the kernel, while this thread has no time to accept.
    require('node:child_process').execFileSync(process.execPath, ['-e', '0'])
    server.close(() => log('closed'))
    await until(server, 'close')
    await new Promise((resolve) => client.on('close', resolve))
  }),
)

on24(
  'a connection that a callback of the thread pool makes is reported after setImmediate',
  parity(async (http, log, { listen, until }) => {
    const server = http.createServer()
    server.on('connection', () => log('connection'))
    const port = await listen(server)
    // The first connection takes longer.
    const warm = http.get({ port, host: '127.0.0.1', agent: false }).on('error', () => {})
    const [socket] = await until(server, 'connection')
    warm.destroy()
    await until(socket, 'close')
    for (let i = 0; i < 5; i++) {
      const accepted = until(server, 'connection')
      const req = await new Promise((resolve) => {
        require('node:fs').stat('.', () => {
          const req = http.get({ port, host: '127.0.0.1', agent: false }).on('error', () => {})
          setImmediate(() => log('immediate'))
          // After the tick that connects. The I/O threads have time to report the connection.
          process.nextTick(process.nextTick, Atomics.wait, new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
          resolve(req)
        })
      })
      const [connection] = await accepted
      req.destroy()
      await until(connection, 'close')
    }
  }),
)

on24(
  'a server that closes in setImmediate does not wait for a connection that this turn has made',
  parity(async (http, log, { after, listen, until }) => {
    const agent = new http.Agent({ keepAlive: true })
    after(() => agent.destroy())
    for (let i = 0; i < 5; i++) {
      const server = http.createServer().on('connection', () => log('connection'))
      const port = await listen(server)
      require('node:fs').stat('.', () => {
        // The agent keeps the connection of a request that was destroyed, and nothing is sent on it.
        http
          .get({ port, host: '127.0.0.1', agent })
          .on('error', ({ code }) => log(code))
          .destroy()
        process.nextTick(process.nextTick, Atomics.wait, new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
        setImmediate(() => server.close(() => log('closed')))
      })
      await until(server, 'close')
    }
  }),
)

on24(
  'a request that a callback of the thread pool sends is served after setImmediate',
  parity(async (http, log, { after, listen, until }) => {
    const server = http.createServer((_req, res) => {
      log('request')
      res.end('ok')
    })
    const port = await listen(server)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    after(() => agent.destroy())
    for (let i = 0; i < 5; i++) {
      const req = await new Promise((resolve) => {
        require('node:fs').stat('.', () => {
          const req = http.get({ port, host: '127.0.0.1', agent })
          setImmediate(() => log('immediate'))
          process.nextTick(process.nextTick, Atomics.wait, new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
          resolve(req)
        })
      })
      const [response] = await until(req, 'response')
      response.resume()
      await until(response, 'close')
    }
  }),
)

for (const [when, later] of [
  ['at once', (answer) => answer()],
  ['in a microtask', (answer) => Promise.resolve().then(answer)],
  ['in a tick', (answer) => process.nextTick(answer)],
  ['in setImmediate', (answer) => setImmediate(answer)],
])
  alone(
    `a short answer given ${when} is finished before anything else happens`,
    parity(async (http, log, { listen, until }) => {
      const server = http.createServer((_req, res) => {
        res.on('finish', () => log('finish'))
        later(() => {
          res.end('ok')
          if (when !== 'in setImmediate') setImmediate(() => log('immediate'))
        })
      })
      const port = await listen(server)
      for (let i = 0; i < 3; i++) {
        const [response] = await until(http.get({ port, host: '127.0.0.1', agent: false }), 'response')
        log('response')
        response.resume()
        await until(response, 'close')
      }
    }),
  )

on24(
  'a server that has refused a peer closes whether the peer does or not',
  parity(async (http, log, { connect, listen, until }) => {
    const server = http.createServer((req, res) => {
      req.socket.on('error', (error) => log('socket error', error.code))
      req.on('error', (error) => log('request error', error.code))
      res.on('close', () => log('response closed'))
      server.emit('asked', req.socket)
    })
    const asked = until(server, 'asked')
    const client = await connect(await listen(server))
    await client.write('GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const [socket] = await asked
    const gone = new Promise((resolve) => socket.on('close', resolve))
    // Its end of the connection stays open, and the received bytes stay unread.
    client.socket.allowHalfOpen = true
    client.socket.pause()
    await client.write('W')
    const hadError = await gone
    log('socket closed', hadError)
    server.close(() => log('server closed'))
    await until(server, 'close')
    client.socket.resume()
  }),
)

on24(
  'a connection whose end closes the server is reported, and close is emitted once',
  parity(async (http, log, { listen, until }) => {
    const server = http.createServer()
    const seen = []
    const gone = new Promise((resolve) => {
      server.on('connection', (socket) => {
        seen.push('connection')
        socket.on('close', () => setImmediate(resolve))
        socket.end()
      })
    })
    server.on('close', () => seen.push('close'))
    const port = await listen(server)
    const client = require('node:net').connect(port, '127.0.0.1', () => client.end())
    client.on('end', () => server.close())
    await Promise.all([gone, until(server, 'close')])
    log(seen.sort())
  }),
)

alone(
  'a tunnel that is written to and destroyed ends for a peer that writes meanwhile',
  parity(async (http, log, { listen, until }) => {
    const server = http.createServer().on('upgrade', (_req, socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\nbytes')
      socket.destroy()
    })
    const port = await listen(server)
    const headers = { Connection: 'Upgrade', Upgrade: 'a' }
    // The peer's bytes have to arrive before the I/O thread closes the socket.
    for (let i = 0; i < 100; i++) {
      const req = http.get({ port, host: '127.0.0.1', agent: false, headers })
      const [, socket, head] = await until(req, 'upgrade')
      const events = [`head ${head}`]
      socket.write('hello')
      socket.on('data', (data) => events.push(`data ${data}`)).on('error', ({ code }) => events.push(code))
      socket.on('end', () => events.push('end'))
      await until(socket, 'close')
      log(events.join().replace('head ,data', 'head'))
    }
  }),
)
