'use strict'
// A server counts, limits and closes its connections.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const onAllRoads = (script, options) => parity(script, { ...options, adopted: true })

test(
  'getConnections and maxConnections with drop',
  onAllRoads(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((_req, res) => res.end('ok'))
    const port = await listen(server)
    const count = () => new Promise((resolve) => server.getConnections((error, number) => resolve([error, number])))
    log(await count())
    server.maxConnections = 2
    const ask = async (client) => {
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      return (await client.readResponse()).status
    }
    const first = await connect(port)
    log(await ask(first))
    const second = await connect(port)
    log(await ask(second), await count())
    const dropped = until(server, 'drop')
    const third = await connect(port)
    const [data] = await dropped
    log(data.localPort === port, data.remotePort === third.localPort, Object.keys(data))
    log(data.localAddress, data.localFamily, data.remoteAddress, data.remoteFamily)
    await third.closed
    log(third.received, await count())
    // After one connection has closed, another one is accepted.
    const gone = new Promise((resolve) => {
      const look = () => server.getConnections((_error, number) => (number === 1 ? resolve() : setImmediate(look)))
      look()
    })
    first.socket.destroy()
    await gone
    const fourth = await connect(port)
    log(await ask(fourth), await count())
    server.maxConnections = undefined
    log(await ask(await connect(port)))
  }),
)

on24(
  'maxConnections of 0',
  onAllRoads(async (http, log, { listen, connect, record }) => {
    const server = http.createServer()
    server.maxConnections = 0
    record(server, ['connection'])
    let drops = 0
    server.on('drop', () => {
      drops++
    })
    const port = await listen(server)
    const client = await connect(port)
    await client.closed
    log(client.received, drops, server.maxConnections)
  }),
)

/** Two connections of a server that answers `/now`, and emits 'waiting' with the response for all other requests. */
async function idleAndBusy(server, { listen, connect, until }) {
  const port = await listen(server)
  const idle = await connect(port)
  await idle.write('GET /now HTTP/1.1\r\nHost: a\r\n\r\n')
  await idle.readResponse()
  const waiting = until(server, 'waiting')
  const busy = await connect(port)
  await busy.write('GET /later HTTP/1.1\r\nHost: a\r\n\r\n')
  const [res] = await waiting
  return { port, idle, busy, res }
}

test(
  'closeIdleConnections closes the idle ones',
  onAllRoads(async (http, log, tools) => {
    const server = http.createServer((req, res) => {
      if (req.url === '/now') res.end('now')
      else server.emit('waiting', res)
    })
    const { idle, busy, res } = await idleAndBusy(server, tools)
    server.closeIdleConnections()
    log(await idle.closed, idle.rest)
    res.end('later')
    log((await busy.readResponse()).body)
    server.closeIdleConnections()
    log(await busy.closed)
  }),
)

test(
  'closeAllConnections closes them all',
  onAllRoads(async (http, log, tools) => {
    const { connect, until } = tools
    const seen = []
    const server = http.createServer((req, res) => {
      req.on('aborted', () => seen.push('aborted'))
      res.on('close', () => {
        seen.push('response closed', res.writableFinished)
        if (req.url !== '/now') server.emit('given up')
      })
      if (req.url === '/now') res.end('now')
      else server.emit('waiting', res)
    })
    const { idle, busy, port } = await idleAndBusy(server, tools)
    const aborted = until(server, 'given up')
    const accepted = until(server, 'connection')
    const silent = await connect(port)
    await silent.write('GET')
    await accepted
    server.closeAllConnections()
    // The server's events and those of its clients have no fixed order.
    log(await idle.closed, await busy.closed)
    await silent.closed
    await aborted
    log(seen, server.listening)
  }),
)

test(
  'close waits for requests in progress',
  onAllRoads(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((_req, res) => server.emit('waiting', res))
    const port = await listen(server)
    const waiting = until(server, 'waiting')
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [res] = await waiting
    let closed = false
    server.close(() => {
      closed = true
    })
    const over = until(server, 'close')
    res.setHeader('Connection', 'close')
    res.write('last ')
    await client.readUntil('last ')
    log(closed, server.listening)
    res.end('words')
    log(await client.readToEnd())
    await over
  }),
)

test(
  'close from within a handler',
  onAllRoads(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((_req, res) => {
      res.end('bye')
      server.close()
    })
    const port = await listen(server)
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = await client.readResponse()
    log(response.headers, response.body)
    const over = until(server, 'close')
    client.end()
    await over
    log(await client.closed)
  }),
)

test(
  'close while connections are idle',
  onAllRoads(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((_req, res) => res.end('ok'))
    const port = await listen(server)
    const client = await connect(port)
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.readResponse()
    const over = until(server, 'close')
    server.close()
    await over
    log(await client.closed, client.rest)
  }),
)

test(
  'the events connection and close',
  onAllRoads(async (http, log, { listen, raw, until }) => {
    const net = require('node:net')
    const server = http.createServer((req, res) => {
      log('request')
      req.socket.on('close', (hadError) => {
        log('socket closed', hadError)
        server.emit('disconnected')
      })
      res.end()
    })
    server.on('connection', function onConnection(socket) {
      log('connection', this === server, socket instanceof net.Socket, socket.server === server, socket.readyState)
    })
    server.on('close', () => log('server closed'))
    const port = await listen(server)
    // The peer may see the end before the server does.
    const disconnected = until(server, 'disconnected')
    await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await disconnected
    await new Promise((resolve) => server.close(resolve))
  }),
)

test(
  'a socket destroyed when it connects',
  onAllRoads(async (http, log, { listen, raw, until }) => {
    const server = http.createServer(() => log('request'))
    server.on('connection', (socket) => {
      const closed = until(socket, 'close')
      socket.on('end', () => log('end'))
      socket.destroy()
      server.emit('destroyed', closed)
    })
    const port = await listen(server)
    const destroyed = until(server, 'destroyed')
    const received = await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [closed] = await destroyed
    log(await closed, received)
  }),
)

test(
  'a keep-alive connection serves many requests with one socket',
  onAllRoads(async (http, log, { listen, connect }) => {
    const sockets = new Set()
    const server = http.createServer((req, res) => {
      sockets.add(req.socket)
      res.end(`${req.url} ${sockets.size}`)
    })
    const port = await listen(server)
    const client = await connect(port)
    for (let i = 0; i < 5; i++) {
      await client.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`)
      log((await client.readResponse()).body)
    }
  }),
)

test(
  'sockets with unref do not keep the process alive',
  onAllRoads(
    async (http, log) => {
      const net = require('node:net')
      const server = http.createServer((req) => {
        log('request')
        req.socket.unref()
        server.unref()
        client.unref()
        process.on('exit', () => log('exit'))
      })
      let client
      server.listen(0, '127.0.0.1', () => {
        client = net.connect(server.address().port, '127.0.0.1')
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      })
      await new Promise((resolve) => server.once('request', resolve))
    },
    { isolated: true },
  ),
)

test(
  'bytes that a program pushes into a socket are parsed as if the peer had sent them',
  onAllRoads(async (http, log, { listen, connect, until }) => {
    const server = http.createServer((req, res) => {
      let length = 0
      req.on('data', (chunk) => (length += chunk.length))
      req.on('end', () => res.end(`${req.method} ${req.url} ${length}`))
    })
    const port = await listen(server)
    const connected = until(server, 'connection')
    const client = await connect(port)
    const [socket] = await connected
    socket.push('GET /text HTTP/1.1\r\nHost: a\r\n\r\n')
    log((await client.readResponse()).body)
    socket.push(Buffer.from('474554202f68657820485454502f312e310d0a486f73743a20610d0a0d0a', 'hex'))
    log((await client.readResponse()).body)
    const body = Buffer.alloc(50_000, 'x')
    socket.push(
      Buffer.concat([Buffer.from(`POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`), body]),
    )
    log((await client.readResponse()).body)
    // Half of it from here, the other half from there.
    socket.push('GET /both HT')
    await new Promise(setImmediate)
    await client.write('TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log((await client.readResponse()).body)
  }),
)

on24(
  'keepAliveTimeout ends a connection that the response has kept against the wish of the request',
  parity(async (http, log, { connect, listen, until }) => {
    const server = http.createServer((req, res) => {
      // Peer and program see the end in either order.
      req.socket.on('close', () => server.emit('gone'))
      if (req.url === '/field') res.setHeader('Connection', 'keep-alive')
      else res.shouldKeepAlive = true
      res.end('ok')
    })
    Object.assign(server, { keepAliveTimeout: 5, keepAliveTimeoutBuffer: 1 })
    const port = await listen(server)
    const ask = async (head, ...parts) => {
      const gone = until(server, 'gone')
      const client = await connect(port)
      for (const part of [`${head}\r\nHost: a\r\nConnection: close\r\n`, ...parts]) await client.write(part)
      const received = await client.readToEnd()
      await Promise.all([gone, client.closed])
      log(head, received.replace(/Date: .*/, ''))
    }
    for (const target of ['/field', '/member']) {
      await ask(`GET ${target} HTTP/1.1`, '\r\n')
      await ask(`POST ${target} HTTP/1.1`, 'Content-Length: 1\r\n\r\n', 'x')
    }
    server.on('timeout', (socket) => {
      log('timeout')
      socket.destroy()
    })
    await ask('GET /field HTTP/1.1', '\r\n')
  }),
)
