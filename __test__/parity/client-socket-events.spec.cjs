'use strict'
// The events of a request's socket at its end, after the request was cancelled, and after an upgrade. Scripts run in other processes.
const { parity, whereNode24 } = require('../helpers/parity.cjs')

const same = (title, script) => whereNode24(title, parity(script, { only24: true, isolated: true }))

same("a request's socket emits 'end' when the server has ended it", async (http, log, { after, until }) => {
  const net = require('node:net')
  const answers = {
    nothing: '',
    'half a head': 'HTTP/1.1 200 OK\r\nX: ',
    'an interim response': 'HTTP/1.1 100 Continue\r\n\r\n',
    'half a body': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
    'half a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc',
    'a body without a length': 'HTTP/1.1 200 OK\r\n\r\nabc',
  }
  for (const [name, answer] of Object.entries(answers)) {
    const server = net.createServer((socket) => socket.once('data', () => socket.end(answer)))
    server.listen(0, '127.0.0.1')
    await until(server, 'listening')
    after(() => new Promise((resolve) => server.close(resolve)))
    const request = http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (response) => {
      response.on('error', () => {}).resume()
    })
    request.on('error', (error) => log(name, 'error', error.code))
    request.on('close', () => log(name, 'close'))
    const [socket] = await until(request, 'socket')
    socket.on('end', () => log(name, 'socket end'))
    await until(socket, 'close')
    log(name, 'socket close')
  }
})

same(
  'a request is not cancelled after all of its response has arrived',
  async (http, log, { listen, until, after }) => {
    const agent = new http.Agent({ keepAlive: true })
    after(() => agent.destroy())
    const server = http.createServer((_req, res) => res.end('0123456789'))
    const port = await listen(server)
    for (const cancel of [(request) => request.destroy(new Error('x')), (request) => request.abort()]) {
      const request = http.get({ port, host: '127.0.0.1', agent })
      for (const event of ['abort', 'error', 'close']) request.on(event, () => log('request', event))
      const [response] = await until(request, 'response')
      const { socket } = request
      socket.on('error', (error) => log('socket error', error.message))
      for (const event of ['aborted', 'error', 'end', 'close']) response.on(event, () => log('response', event))
      const closed = until(request, 'close')
      response.on('data', () => {
        log('complete', response.complete)
        cancel(request)
      })
      await closed
      await new Promise(setImmediate)
      log(socket.destroyed, request.destroyed)
    }
  },
)

same('an upgraded socket keeps the timeout of its request', async (http, log, { listen, until }) => {
  const server = http.createServer()
  server.on('upgrade', (_req, socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  )
  const headers = { connection: 'upgrade', upgrade: 'x' }
  const request = http.get({ port: await listen(server), host: '127.0.0.1', headers })
  request.setTimeout(300, () => log('request timeout'))
  const [, socket] = await until(request, 'upgrade')
  await until(socket, 'timeout')
  log('socket timeout', socket.timeout)
  socket.destroy()
})

same('a socket that the agent keeps emits nothing but ‘close’ at its end', async (http, log, { after, until }) => {
  const net = require('node:net')
  const acts = {
    ends: (socket) => socket.end(),
    resets: (socket) => socket.resetAndDestroy(),
    'sends bytes': (socket) => socket.write('x'),
    'sends a response and ends': (socket) => socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'),
  }
  for (const ours of [true, false])
    for (const [name, act] of Object.entries(acts)) {
      let kept
      const server = net.createServer((socket) => {
        kept = socket.on('error', () => {})
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
      })
      server.listen(0, '127.0.0.1')
      await until(server, 'listening')
      const agent = new http.Agent({ keepAlive: true })
      // Sockets of Node's, over which a stream carries HTTP.
      if (!ours) agent.createConnection = (options) => net.connect(options)
      after(() => {
        agent.destroy()
        kept.destroy()
        server.close()
      })
      const request = http.get({ port: server.address().port, host: '127.0.0.1', agent }, (response) =>
        response.resume(),
      )
      await until(request, 'close')
      const { socket } = request
      while (Object.keys(agent.freeSockets).length === 0) await new Promise(setImmediate)
      for (const event of ['end', 'finish', 'error']) socket.on(event, () => log(ours, name, event))
      const closed = until(socket, 'close')
      act(kept)
      log(ours, name, 'close', await closed)
    }
})

same(
  'an error that a program emits on a request’s socket ends the connection',
  async (http, log, { listen, until }) => {
    const server = http.createServer((req, res) => {
      if (req.url === '/answered') res.write('x')
    })
    const port = await listen(server)
    for (const path of ['/', '/answered']) {
      const request = http.get({ port, host: '127.0.0.1', path })
      for (const event of ['error', 'close']) request.on(event, (error) => log(path, 'request', event, error?.message))
      const socket = (await until(request, 'socket'))[0]
      if (path === '/answered') {
        const [response] = await until(request, 'response')
        for (const event of ['aborted', 'error', 'close'])
          response.on(event, (error) => log(path, 'response', event, error?.message))
        response.resume()
      } else {
        await until(server, 'request')
      }
      const closed = new Promise((resolve) => socket.on('close', resolve))
      socket.emit('error', new Error('emitted'))
      log(path, 'socket close', await closed)
      await new Promise(setImmediate)
    }
  },
)

same('a request fails before its socket emits ‘end’', async (http, log, { after, until }) => {
  const net = require('node:net')
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}).resume()
    socket.on('end', () => socket.end())
    if (ends) socket.once('data', () => socket.end())
  })
  let ends
  server.listen(0, '127.0.0.1')
  await until(server, 'listening')
  after(() => server.close())
  const acts = {
    'the server ends it': () => {},
    'the server ends it, and the program destroys it for the error': (request) =>
      request.on('error', () => request.destroy()),
    'the program ends it': (_request, socket) => socket.end(),
  }
  for (const [name, act] of Object.entries(acts)) {
    ends = name !== 'the program ends it'
    const request = http.get({ port: server.address().port, host: '127.0.0.1', agent: false })
    request.on('error', (error) => log(name, 'error', error.message))
    const [socket] = await until(request, 'socket')
    socket.on('end', () => log(name, 'socket end'))
    const closed = new Promise((resolve) => request.on('close', resolve))
    await new Promise((resolve) => socket.on('connect', resolve))
    act(request, socket)
    await closed
    await new Promise(setImmediate)
    log(name, 'close')
  }
})

same('a listener of ‘connect’ destroys the socket: its writes fail at once', async (http, log, { listen, until }) => {
  const server = http.createServer((_req, res) => res.end('x'))
  const port = await listen(server)
  const acts = {
    'the request': (request) => request.destroy(),
    'the socket': (_request, socket) => socket.destroy(),
  }
  for (const early of [true, false])
    for (const [what, act] of Object.entries(acts)) {
      const name = `${what}, ${early ? 'before' : 'after'} Node writes`
      const request = http.request({ port, host: '127.0.0.1', method: 'POST', agent: false })
      for (const event of ['finish', 'error', 'close']) request.on(event, (error) => log(name, event, error?.message))
      const closed = new Promise((resolve) => request.on('close', resolve))
      if (early) request.on('socket', (socket) => socket.on('connect', () => act(request, socket)))
      request.write('a', (error) => log(name, 'written', error?.code))
      request.end('b', (error) => log(name, 'ended', error?.code))
      if (!early) {
        const [socket] = await until(request, 'socket')
        socket.on('connect', () => act(request, socket))
      }
      await closed
      await new Promise(setImmediate)
    }
})

same('an error on a socket that was just given to a request is the only one', async (http, log, { listen, after }) => {
  const server = http.createServer((_req, res) => res.end('x'))
  const port = await listen(server)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  after(() => agent.destroy())
  const first = http.get({ port, host: '127.0.0.1', agent }, (response) => response.resume())
  await new Promise((resolve) => first.on('close', resolve))
  while (Object.keys(agent.freeSockets).length === 0) await new Promise(setImmediate)
  const request = http.get({ port, host: '127.0.0.1', agent })
  for (const event of ['error', 'close']) request.on(event, (error) => log(event, error?.message))
  const closed = new Promise((resolve) => request.on('close', resolve))
  first.socket.emit('error', new Error('emitted'))
  await closed
})

same(
  "a request's socket has an address as soon as its name is resolved",
  async (http, log, { listen, until, after }) => {
    const agent = new http.Agent()
    after(() => agent.destroy())
    const port = await listen(http.createServer((_req, res) => res.end()))
    const lookups = {
      'at once': (_name, { all }, callback) =>
        all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
      never: () => {},
    }
    for (const [name, lookup] of Object.entries(lookups)) {
      const request = http.get({ port, host: 'localhost', agent, lookup })
      request.on('error', () => {})
      const [socket] = await until(request, 'socket')
      const { address, family } = socket.address()
      log(name, socket.connecting, typeof address, family)
      if (name === 'never') {
        request.destroy()
        continue
      }
      const [response] = await until(request, 'response')
      log(socket.address().address)
      response.resume()
    }
  },
)
