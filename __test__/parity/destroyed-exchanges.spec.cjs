'use strict'
// The events of an exchange that is destroyed: by the request, the response or the socket, with and without an error, with further
// requests in the same read, and by a 'close' that the program emits itself. Scripts run in other processes, so each requires what it uses.
const { parity, whereNode24 } = require('../helpers/parity.cjs')

const same = (title, script, options) =>
  whereNode24(title, parity(script, { only24: true, isolated: true, ...options }))

same('an error given to destroy() is a clientError, also if nothing has used the socket', async (http, log, tools) => {
  const { logExchange, send } = require('../helpers/exchange-log.cjs')
  const acts = {
    'the request': (req) => req.destroy(new Error('x')),
    'the response': (_req, res) => res.destroy(new Error('x')),
    'the request without an error': (req) => req.destroy(),
    'the response without an error': (_req, res) => res.destroy(),
    'the request after the response': (req, res) => res.destroy() && req.destroy(new Error('x')),
    'the request of a response that has ended': (req, res) => res.end('x') && req.destroy(new Error('x')),
    'a response that has ended': (_req, res) => res.end('x') && res.destroy(new Error('x')),
    'the socket of a response that has ended': (req, res) => res.end('x') && req.socket.destroy(new Error('x')),
  }
  const whens = { 'at once': (act) => act(), 'in a tick': process.nextTick, 'in an immediate': setImmediate }
  const heads = {
    GET: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    POST: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12',
  }
  for (const [what, act] of Object.entries(acts)) {
    for (const [time, when] of Object.entries(whens)) {
      for (const [method, head] of Object.entries(heads)) {
        const logCase = (...values) => log(what, time, method, ...values)
        const exchanges = []
        const server = http.createServer((req, res) => {
          exchanges.push(logExchange(logCase, req, res))
          when(() => act(req, res))
        })
        await send(head, server, { log: logCase, tools, exchanges })
      }
    }
  }
})

same('a socket that is first asked for after its end is destroyed', async (http, log, tools) => {
  for (const act of [
    (req) => req.destroy(),
    (_req, res) => res.destroy(),
    (_req, res) => res.destroy(new Error('x')),
  ]) {
    const server = http.createServer((req, res) => {
      act(req, res)
      log(req.socket.destroyed, req.socket.writable, req.socket.readable)
    })
    const client = await tools.connect(await tools.listen(server))
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.closed
  }
})

same('the requests of a read are emitted although a handler has destroyed the connection', async (http, log, tools) => {
  const { logExchange, send } = require('../helpers/exchange-log.cjs')
  const get = (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  const halfPost = 'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc'
  const reads = {
    'three requests': get('/1') + get('/2') + get('/3'),
    'half a body': get('/1') + halfPost,
    'half a head': get('/1') + get('/2') + 'GET /3 HTTP',
    'garbage after it': `${get('/1')}\0\r\n\r\n`,
  }
  const acts = {
    'the request': (req) => req.destroy(),
    'the request with an error': (req) => req.destroy(new Error('x')),
    'the response': (_req, res) => res.destroy(),
    'the response with an error': (_req, res) => res.destroy(new Error('x')),
    'the socket': (req) => req.socket.destroy(),
    'the socket with an error': (req) => req.socket.destroy(new Error('x')),
    'the socket, by RST': (req) => req.socket.resetAndDestroy(),
    'all connections': (req) => req.socket.server.closeAllConnections(),
  }
  for (const [kind, bytes] of Object.entries(reads)) {
    for (const [what, act] of Object.entries(acts)) {
      for (const later of [false, true]) {
        const logCase = (...values) => log(kind, what, later, ...values)
        const exchanges = []
        const server = http.createServer((req, res) => {
          logCase('request', req.url, req.socket.destroyed)
          exchanges.push(logExchange(logCase, req, res))
          if (req.url !== '/1') {
            req.on('data', (chunk) => logCase(req.url, 'data', chunk))
            res.end('x')
          } else if (later) setImmediate(() => act(req, res))
          else act(req, res)
        })
        await send(bytes, server, { log: logCase, tools, exchanges })
      }
    }
  }
})

// After a body Node runs ticks between the requests of a read, if it reads the socket itself.
same(
  'the requests of a read with bodies are emitted although a handler has destroyed the connection',
  async (http, log, tools) => {
    const { logExchange, send } = require('../helpers/exchange-log.cjs')
    const post = (path) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`
    const acts = {
      'the request': (req) => req.destroy(),
      'the request with an error': (req) => req.destroy(new Error('x')),
      'the response': (_req, res) => res.destroy(),
      'the socket when a part arrives': (req) => req.on('data', () => req.socket.destroy()),
    }
    for (const [what, act] of Object.entries(acts)) {
      const logCase = (...values) => log(what, ...values)
      const exchanges = []
      const server = http.createServer((req, res) => {
        logCase('request', req.url, req.socket.destroyed)
        exchanges.push(logExchange(logCase, req, res, ['close']))
        if (req.url === '/1') return act(req, res)
        req.on('data', (chunk) => logCase(req.url, 'data', chunk))
        res.end('x')
      })
      const bytes = `${post('/1')}${post('/2')}GET /3 HTTP/1.1\r\nHost: a\r\n\r\n`
      await send(bytes, server, { log: logCase, tools, exchanges })
    }
  },
  { nativeOnly: true },
)

same('a response that is destroyed while an earlier one is being sent reports no error', async (http, log, tools) => {
  for (const ends of [false, true]) {
    const closed = []
    const server = http.createServer((req, res) => {
      if (req.url === '/1') return setImmediate(() => res.end('first'))
      res.on('close', () => log('response', req.url, 'close'))
      closed.push(new Promise((resolve) => res.on('close', resolve)))
      if (ends) res.end('second')
      res.destroy(new Error('x'))
    })
    server.on('clientError', (error) => log('clientError', error.message))
    const client = await tools.connect(await tools.listen(server))
    await client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    log((await client.readResponse()).body)
    await Promise.all(closed)
    client.socket.destroy()
  }
})

same("'close' that the program emits on the socket destroys the requests", async (http, log, tools) => {
  const { logExchange, send } = require('../helpers/exchange-log.cjs')
  const acts = {
    'nothing else': (req) => req.socket.emit('close'),
    'then an answer': (req, res) => req.socket.emit('close') && res.end('x'),
    'after an answer': (req, res) => res.end('x') && req.socket.emit('close'),
    'after half an answer': (req, res) => [res.write('x'), req.socket.emit('close'), res.end()],
    twice: (req) => [req.socket.emit('close'), req.socket.emit('close')],
    'by its listeners': (req) => {
      for (const listener of req.socket.listeners('close')) listener.call(req)
    },
  }
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const reads = {
    GET: get,
    'two GETs': get + get,
    POST: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
    'half a POST': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel',
  }
  for (const [kind, bytes] of Object.entries(reads)) {
    for (const [what, act] of Object.entries(acts)) {
      const logCase = (...values) => log(kind, what, ...values)
      const exchanges = []
      const server = http.createServer((req, res) => {
        logCase('request', req.socket.listenerCount('close'))
        exchanges.push(logExchange(logCase, req, res))
        act(req, res)
      })
      await send(bytes, server, { log: logCase, tools, exchanges })
    }
  }
})

same("a listener of 'connection' is notified of the socket's 'close' before the response", async (http, log, tools) => {
  const server = http.createServer((req, res) => {
    req.on('aborted', () => log('request aborted'))
    res.on('close', () => log('response close'))
    req.socket.on('close', () => log('socket close, from the handler'))
    res.destroy()
  })
  const closed = new Promise((resolve) => {
    server.on('connection', (socket) => socket.on('close', () => resolve(log('socket close'))))
  })
  const client = await tools.connect(await tools.listen(server))
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.closed
  await closed
  await new Promise(setImmediate)
})

same('a request lives until its peer ends when the program has ended the socket', async (http, log, tools) => {
  const net = require('node:net')
  const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n'
  const exchanges = {
    'after a malformed chunk': [chunked, null],
    'with a body that continues': [chunked, '1\r\nb\r\n0\r\n\r\n'],
    'with another request': [
      'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n',
      'xGET /next HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
  }
  for (const [name, [first, second]] of Object.entries(exchanges)) {
    const closed = []
    let arrived
    const goesOn = new Promise((resolve) => {
      arrived = resolve
    })
    const server = http.createServer((req, res) => {
      log(name, 'request', req.url)
      if (req.url === '/next') arrived()
      for (const event of ['aborted', 'end', 'error', 'close'])
        req.on(event, (error) => log(name, req.url, event, error?.message, req.complete))
      req.on('data', (chunk) => log(name, 'data', chunk))
      req.on('end', arrived)
      res.on('close', () => log(name, 'response', req.url, 'close'))
      if (second !== null && req.url === '/') req.socket.end('bye')
      for (const message of [req, res]) closed.push(new Promise((resolve) => message.on('close', resolve)))
      if (second === null) req.once('data', () => client.write('zz\r\n'))
    })
    server.on('clientError', (error, socket) => {
      log(name, 'clientError', error.code, socket.writable)
      if (socket.writable) socket.end('bye')
    })
    const client = net.connect({ port: await tools.listen(server), host: '127.0.0.1', allowHalfOpen: true })
    client.write(first)
    client.resume()
    await tools.until(client, 'end')
    log(name, 'the server has ended')
    if (second !== null) {
      client.write(second)
      await goesOn
    }
    log(name, 'the peer ends')
    client.end()
    await tools.until(client, 'close')
    await Promise.all(closed)
    await new Promise(setImmediate)
  }
})
