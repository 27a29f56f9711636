'use strict'
// Every option of createServer, and the properties that change while a server runs.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

on24(
  'the defaults',
  parity(async (http, log) => {
    const server = new http.Server()
    for (const name of [
      'timeout',
      'headersTimeout',
      'requestTimeout',
      'keepAliveTimeout',
      'keepAliveTimeoutBuffer',
      'maxHeadersCount',
      'maxRequestsPerSocket',
      'connectionsCheckingInterval',
      'httpAllowHalfOpen',
      'requireHostHeader',
      'joinDuplicateHeaders',
      'rejectNonStandardBodyWrites',
      'insecureHTTPParser',
      'maxHeaderSize',
      'maxConnections',
      'highWaterMark',
      'listening',
      'allowHalfOpen',
      'pauseOnConnect',
      'noDelay',
      'keepAlive',
      'keepAliveInitialDelay',
    ])
      log(name, server[name])
    log(typeof server.shouldUpgradeCallback, server.shouldUpgradeCallback())
    server.on('upgrade', () => {})
    log(server.shouldUpgradeCallback())
    log(http.Server().constructor === http.Server, http.createServer() instanceof http.Server)
    log(server instanceof require('node:net').Server, server instanceof require('node:http').Server)
    log(http.createServer.length, http.Server.name, http.Server.length)
  }),
)

on24(
  'options that are refused',
  parity(async (http, log) => {
    const attempts = [
      true,
      'text',
      1,
      [],
      { insecureHTTPParser: 1 },
      { joinDuplicateHeaders: 'yes' },
      { requireHostHeader: 1 },
      { rejectNonStandardBodyWrites: 'x' },
      { optimizeEmptyRequests: 1 },
      { shouldUpgradeCallback: 1 },
      { maxHeaderSize: '16' },
      { maxHeaderSize: -1 },
      { requestTimeout: '1' },
      { requestTimeout: -1 },
      { requestTimeout: 1.5 },
      { headersTimeout: {} },
      { headersTimeout: -1 },
      { headersTimeout: 2, requestTimeout: 1 },
      { keepAliveTimeout: '5' },
      { keepAliveTimeout: -1 },
      { keepAliveTimeoutBuffer: -1 },
      { keepAliveTimeoutBuffer: 'x' },
      { connectionsCheckingInterval: '1' },
      { connectionsCheckingInterval: -1 },
      { keepAliveInitialDelay: 'x' },
      { noDelay: 'x' },
      { keepAlive: 'x' },
      { highWaterMark: -1 },
      { highWaterMark: 'x' },
      { uniqueHeaders: 'x' },
      { IncomingMessage: 'x' },
      { ServerResponse: 1 },
    ]
    for (const options of attempts) {
      try {
        http.createServer(options)
        log(options, 'taken')
      } catch (error) {
        log(options, error)
      }
    }
    for (const options of [null, undefined, {}]) log(http.createServer(options) instanceof http.Server)
  }),
)

test(
  'the options object is not kept',
  parity(async (http, log) => {
    const options = Object.freeze({ requestTimeout: 1000, headersTimeout: 500 })
    const server = http.createServer(options)
    log(server.requestTimeout, server.headersTimeout)
    log(
      http.createServer({ requestTimeout: 1000 }).headersTimeout,
      http.createServer({ requestTimeout: 0 }).headersTimeout,
    )
  }),
)

test(
  'IncomingMessage and ServerResponse',
  parity(async (http, log, { listen, raw }) => {
    class Request extends http.IncomingMessage {
      get shout() {
        return this.url.toUpperCase()
      }
    }
    class Response extends http.ServerResponse {
      json(value) {
        this.setHeader('content-type', 'application/json')
        this.end(JSON.stringify(value))
      }
    }
    const server = http.createServer({ IncomingMessage: Request, ServerResponse: Response }, (req, res) => {
      log(req instanceof Request, res instanceof Response, req instanceof http.IncomingMessage)
      res.json({ shout: req.shout })
    })
    const port = await listen(server)
    log(await raw(port, 'GET /quiet HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

test(
  'functions as IncomingMessage and ServerResponse',
  parity(async (http, log, { listen, raw }) => {
    function Request(socket) {
      http.IncomingMessage.call(this, socket)
    }
    Object.setPrototypeOf(Request.prototype, http.IncomingMessage.prototype)
    Request.prototype.mark = 'request'
    function Response(req, options) {
      http.ServerResponse.call(this, req, options)
      log(typeof options, Object.keys(options).sort())
    }
    Object.setPrototypeOf(Response.prototype, http.ServerResponse.prototype)
    Response.prototype.mark = 'response'
    const server = http.createServer({ IncomingMessage: Request, ServerResponse: Response }, (req, res) => {
      log(req.mark, res.mark)
      res.end('ok')
    })
    const port = await listen(server)
    log(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

test(
  'requireHostHeader',
  parity(async (http, log, { listen, raw }) => {
    for (const requireHostHeader of [undefined, true, false]) {
      const server = http.createServer({ requireHostHeader }, (_req, res) => res.end('handled'))
      const port = await listen(server)
      log(requireHostHeader, await raw(port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'))
      log(await raw(port, 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'))
      log(await raw(port, 'GET / HTTP/1.0\r\n\r\n'))
    }
  }),
)

test(
  'joinDuplicateHeaders',
  parity(async (http, log, { listen, raw }) => {
    for (const joinDuplicateHeaders of [undefined, false, true]) {
      const server = http.createServer({ joinDuplicateHeaders }, (req, res) => {
        log(req.headers, req.headersDistinct)
        res.end()
      })
      const port = await listen(server)
      await raw(
        port,
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nFrom: x\r\nFrom: y\r\nAuthorization: 1\r\nauthorization: 2\r\n' +
          'Cookie: a\r\nCookie: b\r\nX-A: 1\r\nx-a: 2\r\nSet-Cookie: p\r\nSet-Cookie: q\r\nAge: 1\r\nAge: 2\r\n\r\n',
      )
    }
  }),
)

test(
  'uniqueHeaders',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer({ uniqueHeaders: ['X-One', 'x-two'] }, (_req, res) => {
      res.setHeader('x-one', ['a', 'b'])
      res.setHeader('X-Two', ['c', 'd'])
      res.setHeader('x-three', ['e', 'f'])
      res.setHeader('x-four', ['g', 'h'])
      res.addTrailers({ 'x-one': ['i', 'j'], 'x-four': ['k', 'l'] })
      res.write('body')
      res.end()
    })
    const port = await listen(server)
    log(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

test(
  'rejectNonStandardBodyWrites',
  parity(async (http, log, { listen, raw }) => {
    for (const rejectNonStandardBodyWrites of [undefined, false, true]) {
      const server = http.createServer({ rejectNonStandardBodyWrites }, (req, res) => {
        if (req.url === '/304') res.statusCode = 304
        for (const method of ['write', 'end']) {
          try {
            log(method, typeof res[method]('body'))
          } catch (error) {
            log(method, error)
          }
        }
        if (!res.writableEnded) res.end()
      })
      const port = await listen(server)
      log(await raw(port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
      log(await raw(port, 'GET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
    }
  }),
)

test(
  'insecureHTTPParser',
  parity(async (http, log, { listen, raw }) => {
    for (const insecureHTTPParser of [undefined, false, true]) {
      const server = http.createServer({ insecureHTTPParser }, (req, res) => {
        log(req.headers)
        res.end('taken')
      })
      const port = await listen(server)
      log(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\nConnection: close\r\n\r\n'))
    }
  }),
)

test(
  'maxHeaderSize',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer({ maxHeaderSize: 1024 }, (_req, res) => res.end('fits'))
    log(server.maxHeaderSize)
    const port = await listen(server)
    const request = (length) => `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ${'x'.repeat(length)}\r\n\r\n`
    log(await raw(port, request(900)))
    log(await raw(port, request(1100)))
  }),
)

on24(
  'maxHeadersCount',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      log(req.rawHeaders.length)
      res.end()
    })
    const port = await listen(server)
    const request = (count) => `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'X: y\r\n'.repeat(count - 2)}\r\n`
    for (const [limit, count] of [
      [null, 50],
      [null, 1000],
      [null, 1001],
      [20, 20],
      [20, 10],
      [20, 21],
      [0, 1500],
    ]) {
      server.maxHeadersCount = limit
      log(limit, count, (await raw(port, request(count))).split('\r\n')[0])
    }
  }),
)

on24(
  'highWaterMark',
  parity(async (http, log, { listen, raw }) => {
    for (const highWaterMark of [undefined, 1024, 100_000]) {
      const server = http.createServer({ highWaterMark }, (req, res) => {
        log(
          req.readableHighWaterMark,
          res.writableHighWaterMark,
          req.socket.readableHighWaterMark,
          req.socket.writableHighWaterMark,
        )
        log(res.write('x'.repeat(1100)))
        res.end()
      })
      const port = await listen(server)
      await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    }
  }),
)

on24(
  'optimizeEmptyRequests',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer({ optimizeEmptyRequests: true }, (req, res) => {
      log(req.method, req._dumped, req.readableEnded, req.destroyed, req.complete)
      req.on('end', () => log('end'))
      req.resume()
      res.end()
    })
    const port = await listen(server)
    for (const [method, field] of [
      ['GET', ''],
      ['POST', ''],
      ['POST', 'Content-Length: 0\r\n'],
      ['GET', 'Content-Length: 0\r\n'],
      ['HEAD', ''],
      ['DELETE', ''],
    ])
      await raw(port, `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${field}\r\n`)
    await raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
  }),
)

test(
  'maxRequestsPerSocket and dropRequest',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((req, res) => {
      log(req.url)
      res.end('served')
    })
    server.maxRequestsPerSocket = 2
    server.on('dropRequest', (req, socket) => log('dropRequest', req.url, socket instanceof require('node:net').Socket))
    const port = await listen(server)
    const client = await connect(port)
    for (const path of ['/1', '/2', '/3']) {
      await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      log((await client.readResponse()).head)
    }
    // Pipelined, so that the third is there before the second is answered.
    const second = await connect(port)
    await second.write(['/4', '/5', '/6', '/7'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    for (let i = 0; i < 4; i++) log((await second.readResponse()).head)
  }),
)

test(
  'keepAliveTimeout is announced with its current value',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((_req, res) => res.end())
    const port = await listen(server)
    for (const keepAliveTimeout of [5000, 1500, 900, 1, 0]) {
      server.keepAliveTimeout = keepAliveTimeout
      const client = await connect(port)
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      log(keepAliveTimeout, (await client.readResponse()).headers)
    }
    server.maxRequestsPerSocket = 7
    server.keepAliveTimeout = 5000
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    log((await client.readResponse()).headers)
  }),
)

on24(
  'keepAliveTimeout closes, or notifies listeners',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer({ keepAliveTimeout: 20, keepAliveTimeoutBuffer: 1 }, (_req, res) => res.end())
    const port = await listen(server)
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.readResponse()
    log(await client.closed, client.rest)
    server.on('timeout', (socket) => log('timeout', socket.destroyed))
    // Before the request: on a busy machine the time is over before the client reads the response.
    const timedOut = until(server, 'timeout')
    const second = await connect(port)
    await second.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await second.readResponse()
    const [socket] = await timedOut
    // It is the listener's now, and still works.
    await second.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log((await second.readResponse()).status)
    log(await second.closed, socket.destroyed)
  }),
)

test(
  'server.timeout and server.setTimeout',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer(() => {})
    log(server.setTimeout(30) === server, server.timeout)
    const port = await listen(server)
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.closed
    log(client.received)
    server.setTimeout(30, (socket) => {
      log('timeout', socket.destroyed, socket.timeout)
      socket.destroy()
    })
    const timedOut = until(server, 'timeout')
    const second = await connect(port)
    await second.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await timedOut
    await second.closed
    log(second.received)
    server.setTimeout()
    log(server.timeout)
  }),
)

test(
  'timeouts of request and response',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((req, res) => {
      if (req.url === '/response')
        res.setTimeout(20, () => {
          log('response')
          res.end('late')
        })
      else if (req.url === '/request') {
        req.setTimeout(20, () => {
          log('request')
          res.end('late')
        })
      } else if (req.url === '/socket') req.socket.setTimeout(20, () => log('socket', req.socket.destroyed))
    })
    const port = await listen(server)
    const first = await connect(port)
    await first.write('GET /response HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log(await first.readToEnd())
    const second = await connect(port)
    await second.write('POST /request HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n')
    log(await second.readToEnd())
    const third = await connect(port)
    await third.write('GET /socket HTTP/1.1\r\nHost: a\r\n\r\n')
    log(await third.readToEnd())
  }),
)

test(
  'headersTimeout and requestTimeout',
  parity(async (http, log, { listen, raw }) => {
    const options = { headersTimeout: 300, requestTimeout: 500, connectionsCheckingInterval: 5 }
    const server = http.createServer(options, (req) => log(req.url))
    const port = await listen(server)
    log(await raw(port, 'GET / HTTP/1.1\r\nHos'))
    log(await raw(port, 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'))
    server.on('clientError', (error, socket) => {
      // The peer's end within its request is one more error in Node.
      if (!socket.writable) return
      log(error)
      socket.end('HTTP/1.1 418 Late\r\n\r\n')
    })
    log(await raw(port, 'GET / HTTP/1.1\r\nHos'))
    log(await raw(port, 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'))
  }),
)

for (const [what, before] of [
  ['the first head', []],
  ['a later head', ['GET / HTTP/1.1\r\nHost: a\r\n\r\n']],
])
  test(
    `${what} is late, and the program watches the socket and not 'clientError'`,
    parity(async (http, log, { listen, connect }) => {
      const options = { headersTimeout: 300, requestTimeout: 500, connectionsCheckingInterval: 5 }
      const server = http.createServer(options, (_req, res) => res.end('ok'))
      const closed = new Promise((resolve) => {
        server.on('connection', (socket) => {
          socket.on('error', (error) => log('error', error.code))
          socket.on('close', (hadError) => resolve(hadError))
        })
      })
      const client = await connect(await listen(server))
      for (const request of before) {
        await client.write(request)
        log((await client.readResponse()).body)
      }
      await client.write('GET / HTTP/1.1\r\nHos')
      const answer = await client.readToEnd()
      // The peer may have the answer before or after the program has the error.
      const hadError = await closed
      log(answer)
      log('close', hadError)
    }),
  )

test(
  'properties that are changed while requests arrive',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((_req, res) => res.end())
    const port = await listen(server)
    const client = await connect(port)
    const ask = async () => {
      await client.write('GET / HTTP/1.1\r\n\r\n')
      return (await client.readResponse()).head
    }
    server.requireHostHeader = false
    log(await ask())
    server.keepAliveTimeout = 2000
    log(await ask())
    server.requireHostHeader = true
    log(await ask())
  }),
)

test(
  'noDelay, keepAlive and similar options are applied',
  parity(async (http, log, { listen, raw }) => {
    for (const options of [
      { noDelay: false },
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 },
      { keepAlive: true, keepAliveInitialDelay: -5 },
      { connectionsCheckingInterval: 10 },
    ]) {
      const server = http.createServer(options, (_req, res) => res.end('ok'))
      const port = await listen(server)
      log(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
    }
  }),
)

test(
  'the timer of connectionsCheckingInterval, under its symbol',
  parity(async (http, log, { listen }) => {
    const timerOf = (server) => {
      const named = ({ description }) => description === 'http.server.connectionsCheckingInterval'
      return server[Object.getOwnPropertySymbols(server).find(named)]
    }
    const server = http.createServer()
    log('before', timerOf(server), server.listenerCount('listening'))
    await listen(server)
    const timer = timerOf(server)
    log('listening', timer._destroyed, timer.hasRef(), timer._repeat)
    await new Promise((resolve) => server.close(resolve))
    log('closed', timerOf(server) === timer, timer._destroyed)
  }),
)
