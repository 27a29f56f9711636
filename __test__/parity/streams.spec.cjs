'use strict'
// Servers that get streams by `emit('connection', stream)`: any Duplex, in any state.
const { duplexPair } = require('node:stream')
const ava = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

// Node 20.19 has no duplexPair.
const test = duplexPair === undefined ? ava.skip : ava

/** `text`: the bytes that a stream has received since then. */
function reading(stream) {
  const received = { text: '' }
  stream.setEncoding('latin1').on('data', (part) => {
    received.text += part
  })
  return received
}

test(
  'a generic duplex: requests, bodies and trailers on one connection',
  parity(async (http, log, { until }) => {
    const server = http.createServer(async (req, res) => {
      let body = ''
      for await (const part of req.setEncoding('utf8')) body += part
      log(req.method, req.url, req.headers, body, req.trailers, req.socket === theirs, res.socket === theirs)
      res.setHeader('Trailer', 'x-last')
      res.write('one')
      res.addTrailers({ 'X-Last': 'yes' })
      res.end('two')
    })
    const [ours, theirs] = duplexPair()
    server.on('connection', (stream) => log('connection', stream === theirs, stream.server === server))
    log(server.emit('connection', theirs), server.listenerCount('connection'))
    const received = reading(ours)
    ours.write('POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab')
    ours.write('c\r\n0\r\nX-Trailer: t\r\n\r\n')
    ours.write('GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await until(ours, 'end')
    log(received.text)
  }),
)

test(
  'bytes that were read too early and returned by unshift',
  parity(async (http, log, { raw, after, until }) => {
    const net = require('node:net')
    const server = http.createServer((req, res) => res.end(req.url))
    const acceptor = net.createServer((socket) => {
      socket.once('readable', () => {
        const first = socket.read(1)
        log(String(first))
        socket.unshift(first)
        server.emit('connection', socket)
      })
    })
    acceptor.listen(0, '127.0.0.1')
    await until(acceptor, 'listening')
    after(() => acceptor.close())
    log(await raw(acceptor.address().port, 'GET /given-back HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)

test(
  'a socket that was paused is read when it is resumed',
  parity(async (http, log, { connect, after, until }) => {
    const net = require('node:net')
    const server = http.createServer((req, res) => {
      log('request', req.url)
      res.end()
    })
    const acceptor = net.createServer({ pauseOnConnect: true }, (socket) => {
      server.emit('connection', socket)
      log(socket.isPaused())
      acceptor.emit('given', socket)
    })
    acceptor.listen(0, '127.0.0.1')
    await until(acceptor, 'listening')
    after(() => acceptor.close())
    const given = until(acceptor, 'given')
    const client = await connect(acceptor.address().port)
    await client.write('GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const [socket] = await given
    await new Promise(setImmediate)
    log('resumed')
    socket.resume()
    log((await client.readResponse()).status)
    await client.closed
  }),
)

test(
  'a TLS socket',
  parity(async (http, log, { after, until }) => {
    const tls = require('node:tls')
    const psk = Buffer.from('a key that both know')
    const server = http.createServer((req, res) => {
      log(req.socket.encrypted, req.socket.authorized, req.socket.server === server, req.url)
      res.end('secret')
    })
    // No certificates: both have the key.
    const common = { ciphers: 'PSK', maxVersion: 'TLSv1.2' }
    const acceptor = tls.createServer({ ...common, pskCallback: () => psk }, (s) => server.emit('connection', s))
    acceptor.listen(0, '127.0.0.1')
    await until(acceptor, 'listening')
    after(() => acceptor.close())
    const socket = tls.connect({
      ...common,
      port: acceptor.address().port,
      pskCallback: () => ({ psk, identity: 'a' }),
      checkServerIdentity: () => undefined,
    })
    const received = reading(socket)
    socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await until(socket, 'close')
    log(received.text)
  }),
)

test(
  'more pipelined requests than wait at a time, answered in reverse',
  parity(async (http, log, { until }) => {
    const waiting = []
    const server = http.createServer((req, res) => {
      waiting.push(() => res.end(req.url))
      if (waiting.length === 20) for (const answer of waiting.splice(0).reverse()) setImmediate(answer)
    })
    const [ours, theirs] = duplexPair()
    server.emit('connection', theirs)
    let text = ''
    for (let i = 0; i < 200; i++)
      text += `GET /${i} HTTP/1.1\r\nHost: a\r\n${i === 199 ? 'Connection: close\r\n' : ''}\r\n`
    const received = reading(ours)
    ours.write(text)
    await until(ours, 'end')
    log(received.text.split('\r\n').filter((line) => line.includes('/') && !line.startsWith('Date')))
  }),
)

test(
  'an upgrade passes the stream itself on, with the bytes after the head',
  parity(async (http, log, { until }) => {
    const server = http.createServer()
    const [ours, theirs] = duplexPair()
    server.on('upgrade', (req, socket, head) => {
      log(req.url, socket === theirs, String(head))
      for (const event of ['data', 'end', 'error', 'drain', 'timeout', 'close']) log(event, socket.listenerCount(event))
      socket.on('data', (chunk) => {
        log(String(chunk))
        socket.end(`echo ${chunk}`)
      })
    })
    server.emit('connection', theirs)
    ours.write('GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly')
    await new Promise(setImmediate)
    const received = reading(ours)
    ours.write('late')
    await until(ours, 'end')
    log(received.text)
  }),
)

test(
  'a tunnel that has HTTP is passed back to the server',
  parity(async (http, log, { listen, connect }) => {
    const server = http.createServer((req, res) => {
      log('request', req.url)
      res.end('through the tunnel')
    })
    server.on('connect', (req, socket, head) => {
      log('connect', req.url, String(head))
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      socket.unshift(head)
      server.emit('connection', socket)
    })
    const client = await connect(await listen(server))
    await client.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nGET /in')
    await client.readUntil('\r\n\r\n')
    await client.write('side HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log((await client.readResponse()).body)
    await client.closed
  }),
)

for (const listens of [true, false]) {
  test(
    `nonsense on a generic duplex, ${listens ? 'with' : 'without'} a clientError listener`,
    parity(async (http, log) => {
      const server = http.createServer(() => log('request'))
      const [ours, theirs] = duplexPair()
      if (listens) {
        server.on('clientError', (error, socket) => {
          log(error, socket === theirs, socket.writable)
          socket.end('HTTP/1.1 418 Nonsense\r\n\r\n')
        })
      }
      theirs.on('error', (error) => log('error', error.code))
      server.emit('connection', theirs)
      const received = reading(ours)
      ours.write('nonsense\r\n\r\n')
      await new Promise((resolve) => (listens ? ours.on('end', resolve) : theirs.on('close', resolve)))
      log(received.text)
    }),
  )
}

test(
  'an error of the stream reaches clientError',
  parity(async (http, log) => {
    const server = http.createServer((req, res) => {
      req.on('aborted', () => log('aborted'))
      req.on('error', (error) => log('request', error.code))
      res.on('close', () => log('response closed', res.writableFinished))
      theirs.destroy(new Error('broken'))
    })
    server.on('clientError', (error, socket) => log(error.message, socket === theirs))
    const [ours, theirs] = duplexPair()
    server.emit('connection', theirs)
    ours.on('error', () => {})
    ours.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => theirs.on('close', resolve))
    await new Promise(setImmediate)
  }),
)

on24(
  'settings of the server hold for streams',
  parity(async (http, log, { until }) => {
    const heads = [
      `X-Long: ${'a'.repeat(300)}`,
      'Bad: a\x08b',
      Array.from({ length: 5 }, (_, i) => `X-${i}: ${i}`).join('\r\n'),
    ]
    for (const options of [{}, { maxHeaderSize: 200 }, { insecureHTTPParser: true }]) {
      for (const head of heads) {
        const server = http.createServer(options, (req, res) => {
          log(req.rawHeaders.length)
          res.end()
        })
        server.maxHeadersCount = 4
        server.on('clientError', (error, socket) => {
          log(error.code)
          socket.end()
        })
        const [ours, theirs] = duplexPair()
        server.emit('connection', theirs)
        ours.resume()
        ours.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${head}\r\n\r\n`)
        await until(ours, 'end')
      }
    }
  }),
)

test(
  'handlers have the async context in which the stream was passed',
  parity(async (http, log, { until }) => {
    const { AsyncLocalStorage } = require('node:async_hooks')
    const storage = new AsyncLocalStorage()
    const server = http.createServer((req, res) => {
      log(req.url, storage.getStore())
      req.on('data', (chunk) => log(String(chunk), storage.getStore()))
      req.on('end', () => {
        log('end', storage.getStore())
        // Must not be seen by the next request.
        storage.enterWith('left behind')
        res.end()
      })
    })
    const [ours, theirs] = duplexPair()
    storage.run('given', () => server.emit('connection', theirs))
    ours.resume()
    await storage.run('sent', async () => {
      ours.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1')
      await new Promise(setImmediate)
      ours.write('2GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      await until(ours, 'end')
    })
  }),
)

test(
  'a stream that the server ends after the last response is ended by the client, not destroyed',
  parity(async (http, log, { record, until }) => {
    const server = http.createServer((req, res) => {
      req.resume().on('end', () => {
        res.write('one')
        res.end('two')
      })
    })
    const [ours, theirs] = duplexPair()
    record(theirs, ['end', 'finish'], 'server')
    record(ours, ['end', 'finish'], 'client')
    server.emit('connection', theirs)
    const request = http.request({ createConnection: () => ours, method: 'PUT', headers: { Connection: 'close' } })
    request.on('response', (response) => response.resume())
    request.write('one')
    request.end('two')
    await Promise.all([until(theirs, 'end'), until(ours, 'close')])
  }),
)

test(
  'maxRequestsPerSocket on a stream',
  parity(async (http, log) => {
    const server = http.createServer((_req, res) => res.end())
    server.maxRequestsPerSocket = 2
    server.on('dropRequest', (req, socket) => log('dropped', req.url, socket === theirs))
    const [ours, theirs] = duplexPair()
    server.emit('connection', theirs)
    let received = ''
    const refused = new Promise((resolve) => {
      ours.setEncoding('latin1').on('data', (part) => {
        received += part
        if (received.endsWith('0\r\n\r\n')) resolve()
      })
    })
    for (const path of ['a', 'b', 'c']) ours.write(`GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await refused
    log(received)
  }),
)

on24(
  'a listening server looks after streams that others accepted',
  parity(async (http, log, { listen, connect, after, until }) => {
    const net = require('node:net')
    const server = http.createServer((req, res) => {
      if (req.url === '/now') res.end()
      else server.emit('waiting')
    })
    await listen(server)
    const acceptor = net.createServer((socket) => server.emit('connection', socket))
    acceptor.listen(0, '127.0.0.1')
    await until(acceptor, 'listening')
    after(() => acceptor.close())
    const { port } = acceptor.address()
    const idle = await connect(port)
    await idle.write('GET /now HTTP/1.1\r\nHost: a\r\n\r\n')
    log((await idle.readResponse()).status)
    const waiting = until(server, 'waiting')
    const busy = await connect(port)
    await busy.write('GET /later HTTP/1.1\r\nHost: a\r\n\r\n')
    await waiting
    log(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count))))
    server.closeIdleConnections()
    log(await idle.closed, busy.ended)
    server.closeAllConnections()
    await busy.closed
    log(busy.received)
  }),
)
