'use strict'
// `req.socket` in the uses that programs make of it.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

test(
  'addresses, before and after the end',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((req, res) => res.end())
    for (const host of ['127.0.0.1', '::1', '::']) {
      const port = await listen(server, 0, host)
      const connected = until(server, 'connection')
      const client = await connect({ port, host: host === '127.0.0.1' ? host : '::1' })
      const [socket] = await connected
      const describe = () => {
        const { localAddress, localFamily, remoteAddress, remoteFamily } = socket
        log(localAddress, localFamily, remoteAddress, remoteFamily)
        log(socket.localPort === port, socket.remotePort === client.localPort)
        const { address, family, port: own } = socket.address()
        log(address, family, own === port)
        log(socket.readyState, socket.connecting, socket.pending, socket.destroyed, socket.writable, socket.readable)
      }
      describe()
      const closed = until(socket, 'close')
      socket.destroy()
      log(socket.remoteAddress, socket.remotePort === client.localPort, socket.remoteFamily, socket.destroyed)
      await closed
      log(socket.remoteAddress, socket.localAddress, socket.readyState, socket.address())
      await new Promise((resolve) => server.close(resolve))
    }
  }),
)

on24(
  'a socket that is first looked at after the connection has closed is destroyed',
  parity(async (http, log, { listen, connect, until }) => {
    // Programs look at these before they answer.
    const state = ({ destroyed, readable, writable, readyState, pending, connecting }) => [
      { destroyed, readable, writable, readyState, pending, connecting },
    ]
    const server = http.createServer((req, res) => {
      server.emit('asked', req, res)
      if (req.url === '/answer') res.end('ok')
      else if (req.url === '/begin') res.write('a')
      for (const event of ['aborted', 'close']) req.on(event, () => server.emit(`request ${event}`))
    })
    const port = await listen(server)
    const gone = () =>
      new Promise((resolve) => {
        const look = () => server.getConnections((_error, count) => (count === 0 ? resolve() : setImmediate(look)))
        look()
      })
    const ends = { fin: (client) => client.socket.end(), reset: (client) => client.reset() }
    for (const target of ['/answer', '/begin', '/wait'])
      for (const [name, end] of Object.entries(ends))
        for (const body of [false, true]) {
          const asked = until(server, 'asked')
          const client = await connect(port)
          await client.write(
            body
              ? `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody`
              : `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
          )
          const [req, res] = await asked
          if (target === '/answer') await client.readUntil('ok')
          if (target === '/begin') await client.readUntil('a\r\n')
          end(client)
          await gone()
          log(target, name, body, ...state(req.socket), res.socket === null ? null : res.socket.destroyed)
          await client.closed
        }
    // In a listener of the request that the end of the connection aborts.
    for (const event of ['aborted', 'close'])
      for (const [name, end] of Object.entries(ends)) {
        const asked = until(server, 'asked')
        const client = await connect(port)
        await client.write('POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody')
        const [req, res] = await asked
        const seen = new Promise((resolve) =>
          req.once(event, () => resolve([...state(req.socket), res.socket.destroyed])),
        )
        req.on('error', () => {})
        end(client)
        log(event, name, ...(await seen))
        await client.closed
      }
  }),
)

test(
  'the socket is one object with one server',
  parity(async (http, log, { listen, raw }) => {
    const net = require('node:net')
    const { Duplex } = require('node:stream')
    const server = http.createServer((req, res) => {
      const { socket } = req
      log(socket === req.connection, socket === res.socket, socket === res.connection, socket === req.socket)
      log(socket instanceof net.Socket, socket instanceof Duplex, socket.server === server, socket._server === server)
      log(socket._httpMessage === res, socket.encrypted, socket.timeout, socket.allowHalfOpen)
      res.on('finish', () => log(res.socket, req.socket === socket))
      res.end()
    })
    await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  }),
)

test(
  'bytesRead and bytesWritten',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((req, res) => {
      req.on('end', () => {
        log('read', req.socket.bytesRead)
        res.sendDate = false
        res.write('12345')
        res.end('67890')
      })
      req.resume()
    })
    const port = await listen(server)
    const connected = until(server, 'connection')
    const client = await connect(port)
    const [socket] = await connected
    log(socket.bytesRead, socket.bytesWritten)
    for (let i = 0; i < 2; i++) {
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n${'x'.repeat(10_000)}`)
      await client.readResponse()
      log('written', socket.bytesWritten === client.received.length)
    }
    const closed = until(socket, 'close')
    client.end()
    await closed
    log(socket.bytesRead, socket.bytesWritten === client.received.length)
  }),
)

test(
  'setTimeout: its arguments and results',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer()
    const port = await listen(server)
    const connected = until(server, 'connection')
    await connect(port)
    const [socket] = await connected
    for (const args of [['1'], [-1], [Infinity], [NaN], [100, 'x'], [undefined], [100], [0], [2 ** 30, () => {}]]) {
      try {
        log(socket.setTimeout(...args) === socket, socket.timeout, socket.listenerCount('timeout'))
      } catch (error) {
        log(error)
      }
    }
    const listener = () => {}
    socket.setTimeout(50, listener)
    log(socket.listenerCount('timeout'))
    socket.setTimeout(0, listener)
    log(socket.listenerCount('timeout'), socket.timeout)
  }),
)

test(
  'setNoDelay, setKeepAlive, ref and unref answer the socket',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      const { socket } = req
      log(socket.setNoDelay() === socket, socket.setNoDelay(false) === socket)
      log(socket.setKeepAlive(true, 1000) === socket, socket.setKeepAlive() === socket)
      log(socket.unref() === socket, socket.ref() === socket)
      res.end('ok')
    })
    log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

on24(
  'end, destroySoon, destroy and resetAndDestroy',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((req, res) => {
      const { socket } = req
      const method = req.url.slice(1)
      // A reset may discard bytes that were written before it.
      if (method !== 'resetAndDestroy') {
        res.write('part')
        socket.write('raw')
      }
      if (method === 'destroy-error') socket.destroy(new Error('on purpose'))
      else socket[method]()
      log(method, socket.destroyed, socket.writable, socket.writableEnded)
    })
    const port = await listen(server)
    for (const method of ['end', 'destroySoon', 'destroy', 'destroy-error', 'resetAndDestroy']) {
      const client = await connect(port)
      await client.write(`GET /${method} HTTP/1.1\r\nHost: a\r\n\r\n`)
      const { code } = await client.closed
      if (method === 'end' || method === 'destroySoon') log(client.received)
      log(code === 'ECONNRESET')
    }
  }),
)

test(
  'raw writes before, instead of and after the response',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((req, res) => {
      const { socket } = req
      res.sendDate = false
      if (req.url === '/before') {
        socket.write('HTTP/1.1 102 Processing\r\n\r\n')
        res.end('body')
      } else if (req.url === '/instead') {
        socket.end('HTTP/1.1 200 Mine\r\nConnection: close\r\n\r\nby hand')
      } else {
        res.end('body')
        socket.write('HTTP/1.1 200 Unasked\r\nContent-Length: 0\r\n\r\n')
      }
    })
    const port = await listen(server)
    const first = await connect(port)
    await first.write('GET /before HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log(await first.readToEnd())
    const second = await connect(port)
    await second.write('GET /instead HTTP/1.1\r\nHost: a\r\n\r\n')
    log(await second.readToEnd())
    const third = await connect(port)
    await third.write('GET /after HTTP/1.1\r\nHost: a\r\n\r\n')
    log((await third.readResponse()).body, (await third.readResponse()).head)
  }),
)

test(
  'pause of the socket stops reading',
  parity(async (http, log, { listen, connect, until }) => {
    let seen = 0
    const server = http.createServer((req, res) => {
      if (req.url === '/other') return res.end()
      log(req.socket.isPaused(), req.socket.pause() === req.socket, req.socket.isPaused())
      server.emit('paused', req, res)
    })
    const port = await listen(server)
    const paused = until(server, 'paused')
    const client = await connect(port)
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n')
    const [req, res] = await paused
    client.write('x'.repeat(500_000))
    // The server has had the time to read, if it wanted to.
    const other = await connect(port)
    for (let i = 0; i < 5; i++) {
      await other.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n')
      await other.readResponse()
    }
    log(req.readableLength < 500_000)
    req.on('data', (chunk) => {
      seen += chunk.length
    })
    req.on('end', () => res.end(String(seen)))
    log((await client.readResponse()).body)
  }),
)

test(
  "the socket's data beside the parser",
  parity(async (http, log, { listen, connect }) => {
    for (const method of ['on', 'addListener', 'prependListener', 'once']) {
      let text = ''
      const server = http.createServer((req, res) => {
        if (req.url === '/1')
          req.socket[method]('data', (chunk) => {
            text += chunk.toString('latin1')
          })
        req.resume().on('end', () => res.end())
      })
      const client = await connect(await listen(server))
      await client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.readResponse()
      await client.write('POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
      await client.readResponse()
      log(method, text)
      await client.write('GET /3 HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.readResponse()
      log(text)
    }
  }),
)

test(
  'setEncoding is refused while HTTP is spoken',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      try {
        req.socket.setEncoding('utf8')
        log('taken')
      } catch (error) {
        log(error)
      }
      res.end()
    })
    await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  }),
)

test(
  'errors of destroy are emitted as clientError only',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((req) => {
      req.on('error', (error) => log('req', error))
      req.socket.on('error', (error) => log('socket', error))
      req.socket.destroy(new Error('on purpose'))
    })
    server.on('clientError', (error, socket) => log('clientError', error, socket.destroyed, socket.writable))
    const port = await listen(server)
    const connected = until(server, 'connection')
    const client = await connect(port)
    const [socket] = await connected
    const closed = new Promise((resolve) => socket.on('close', resolve))
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    log(await closed)
    await client.closed
    await new Promise(setImmediate)
  }),
)

test(
  'cork and uncork of the socket',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      res.sendDate = false
      req.socket.cork()
      log(req.socket.writableCorked)
      req.socket.write('HTTP/1.1 200 OK\r\n')
      req.socket.write('Connection: close\r\n\r\n')
      req.socket.uncork()
      req.socket.end('done')
    })
    log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
  }),
)

test(
  'half-open: the peer has ended, and receives the answer',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((req, res) => {
      req.socket.on('end', () => {
        log('socket end', req.socket.writable)
        res.end('answer')
      })
    })
    server.httpAllowHalfOpen = true
    const port = await listen(server)
    const client = await connect(port)
    const request = until(server, 'request')
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await request
    client.end()
    log((await client.readToEnd()).endsWith('answer'))
  }),
)

test(
  'a request after an unanswered one does not change the timeout that the program has set',
  parity(async (http, log, { connect, listen, until }) => {
    const server = http.createServer((req) => {
      if (req.url === '/1') req.socket.setTimeout(50)
      server.emit('asked')
    })
    const timeout = until(server, 'timeout')
    const asked = until(server, 'asked')
    const client = await connect(await listen(server))
    await client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
    await asked
    await client.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    const [socket] = await timeout
    log('timeout', socket.timeout)
  }),
)

for (const when of ['before listen', 'behind listen', 'later'])
  test(
    `the data of a connection that is shown, listened to from ${when} on`,
    parity(async (http, log, { connect, listen, raw }) => {
      const server = http.createServer((req, res) => {
        log('request', req.url)
        res.end('ok')
      })
      let received = ''
      const watch = () =>
        server.once('connection', (socket) => {
          socket.on('data', (chunk) => {
            received += chunk.toString('latin1')
          })
        })
      if (when === 'before listen') watch()
      const listens = listen(server)
      if (when === 'behind listen') watch()
      const port = await listens
      if (when === 'later') {
        await raw(port, 'GET /unheard HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        watch()
      }
      const client = await connect(port)
      await client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
      log((await client.readResponse()).body, received)
      await client.write('GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      log((await client.readResponse()).body, received)
      await raw(port, 'GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      log(received.length)
    }),
  )

test(
  'a connection paused when it is shown is read once it is resumed',
  parity(async (http, log, { connect, listen, until }) => {
    const server = http.createServer((_req, res) => {
      log('request')
      res.end('ok')
    })
    server.on('connection', (socket) => {
      socket.pause()
      setImmediate(() => {
        log('resumed')
        socket.resume()
      })
    })
    const shown = until(server, 'connection')
    const client = await connect(await listen(server))
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await shown
    log((await client.readResponse()).body)
  }),
)

test(
  'the addresses of a connection by members that only programs use',
  parity(async (http, log, { after, listen }) => {
    const look = (socket) => {
      for (const end of [socket._getpeername(), socket._getsockname()]) log(end.address, end.family, typeof end.port)
    }
    const seen = []
    const server = http.createServer((req, res) => {
      look(req.socket)
      seen.push(req.socket)
      res.end('ok')
    })
    const port = await listen(server)
    const agent = new http.Agent({ keepAlive: true })
    after(() => agent.destroy())
    const req = http.get({ port, host: '127.0.0.1', agent })
    await new Promise((resolve) => {
      req.on('response', (response) => {
        const { socket } = req
        look(socket)
        log(seen[0]._getpeername().port === socket.localPort, socket._getpeername().port === port)
        response.resume().on('end', resolve)
      })
    })
  }),
)
