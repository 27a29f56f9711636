'use strict'
// The events of a server's socket and its messages when the peer ends the connection. Scripts run in other processes.
const { parity, whereNode24 } = require('../helpers/parity.cjs')

const same = (title, script, options) =>
  whereNode24(title, parity(script, { only24: true, isolated: true, ...options }))

same("a server's socket emits 'finish' when its peer has ended the connection", async (http, log, tools) => {
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const cases = {
    'before a request': ['', () => {}],
    'after a response': [get, (_req, res) => res.end('x')],
    'with a request that is not answered': [get, () => {}],
    'with half a response': [get, (_req, res) => res.write('x')],
    'with a response that follows the end': [get, (req, res) => req.socket.on('end', () => res.end('x'))],
    'with requests that wait': [get + get, () => {}],
    'after a request with a body that was not read': [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
      (_req, res) => res.end('x'),
    ],
    'in a head': ['GET / HT', () => {}],
    'in a body': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc', (req) => req.resume()],
  }
  const answered = ['before a request', 'after a response']
  for (const halfOpen of [false, true])
    for (const [name, [bytes, act]] of Object.entries(cases)) {
      // A half-open connection remains open until its request is answered.
      if (halfOpen && !answered.includes(name)) continue
      const events = []
      const note = (...event) => events.push(event)
      const server = http.createServer((req, res) => {
        for (const event of ['aborted', 'end', 'close']) req.on(event, () => note('request', event))
        req.on('error', (error) => note('request error', error.code))
        for (const event of ['finish', 'close']) res.on(event, () => note('response', event))
        act(req, res)
      })
      server.httpAllowHalfOpen = halfOpen
      const connected = tools.until(server, 'connection')
      const client = await tools.connect(await tools.listen(server))
      const [socket] = await connected
      for (const event of ['end', 'finish', 'error']) socket.on(event, () => note('socket', event, socket.destroyed))
      const closed = new Promise((resolve) => socket.on('close', resolve))
      if (bytes !== '') await client.write(bytes)
      while (socket.bytesRead < bytes.length) await new Promise(setImmediate)
      client.socket.end()
      const hadError = await closed
      await new Promise(setImmediate)
      log(halfOpen, name, hadError, events)
    }
})

same('an idle socket that the server closes emits nothing but ‘close’', async (http, log, tools) => {
  const closings = {
    closeIdleConnections: (server) => server.closeIdleConnections(),
    close: (server) => server.close(),
    keepAliveTimeout: () => {},
  }
  for (const [name, close] of Object.entries(closings)) {
    const server = http.createServer({ keepAliveTimeoutBuffer: 0 }, (_req, res) => res.end('x'))
    if (name === 'keepAliveTimeout') server.keepAliveTimeout = 10
    const connected = tools.until(server, 'connection')
    const client = await tools.connect(await tools.listen(server))
    const [socket] = await connected
    for (const event of ['end', 'finish', 'error']) socket.on(event, () => log(name, event))
    const closed = new Promise((resolve) => socket.on('close', resolve))
    const answered = tools.until(client.socket, 'data')
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await answered
    close(server)
    log(name, await closed)
  }
})

same(
  'a listener of a socket’s ‘timeout’ is called at the end of keepAliveTimeout, however it was added',
  async (http, log, tools) => {
    const ways = {
      on: (socket, listener) => socket.on('timeout', listener),
      addListener: (socket, listener) => socket.addListener('timeout', listener),
      once: (socket, listener) => socket.once('timeout', listener),
      prependListener: (socket, listener) => socket.prependListener('timeout', listener),
      prependOnceListener: (socket, listener) => socket.prependOnceListener('timeout', listener),
      setTimeout: (socket, listener) => socket.setTimeout(60_000, listener),
    }
    for (const [way, add] of Object.entries(ways)) {
      const server = http.createServer({ keepAliveTimeout: 10, keepAliveTimeoutBuffer: 0 }, (req, res) => {
        add(req.socket, () => log(way))
        res.end('x')
      })
      const client = await tools.connect(await tools.listen(server))
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.closed
      await new Promise((resolve) => server.close(resolve))
      log('closed')
    }
  },
)

same('bytes that a program gives back to a server’s socket are parsed first', async (http, log, tools) => {
  const server = http.createServer((req, res) => {
    log(req.url)
    res.end(req.url)
  })
  server.on('connection', (socket) => {
    socket.unshift('GET /given HTTP/1.1\r\n')
    socket.unshift(Buffer.from(''))
  })
  const client = await tools.connect(await tools.listen(server))
  await client.write('Host: a\r\nConnection: close\r\n\r\n')
  await client.closed
})

same('a response whose socket the program has ended is not reported as written', async (http, log, tools) => {
  let closed
  const server = http.createServer((req, res) => {
    for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => log(event))
    // The client's socket has sent and received FIN, and may close first.
    closed = new Promise((resolve) => res.on('close', resolve))
    req.socket.end()
    log(res.write('x'), res.writableLength > 0)
    res.end('y')
    log(res.writableFinished, res.outputData.length > 0)
    setImmediate(() => client.socket.end())
  })
  const client = await tools.connect(await tools.listen(server))
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.closed
  await closed
  await new Promise(setImmediate)
})

same('a socket ends after its last response, and not with the peer', async (http, log, tools) => {
  for (const halfResponse of [false, true]) {
    const server = http.createServer((req, res) => {
      for (const event of ['end', 'close']) req.on(event, () => log('request', event))
      for (const event of ['finish', 'close']) res.on(event, () => log('response', event))
      req.resume()
      if (halfResponse) {
        res.write('x')
        setImmediate(() => res.end('y'))
      } else {
        res.end('x')
      }
    })
    const connected = tools.until(server, 'connection')
    const client = await tools.connect(await tools.listen(server))
    const [socket] = await connected
    for (const event of ['end', 'finish', 'error']) socket.on(event, () => log('socket', event))
    const closed = new Promise((resolve) => socket.on('close', resolve))
    await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    log('socket close', await closed)
    await new Promise(setImmediate)
  }
})

same('bytes of a tunnel that has closed can still be read', async (http, log, tools) => {
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
  const connect = 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'
  for (const [event, head] of [
    ['upgrade', upgrade],
    ['connect', connect],
  ]) {
    const server = http.createServer()
    const taken = tools.until(server, event)
    const client = await tools.connect(await tools.listen(server))
    await client.write(head)
    const [, socket] = await taken
    socket.pause()
    socket.end('HTTP/1.1 200 OK\r\n\r\n')
    await client.write('abc')
    client.socket.end()
    await client.closed
    // The end of the connection is reported here in the meantime.
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    let received = ''
    for (const name of ['end', 'close']) socket.on(name, () => log(event, name))
    socket.on('data', (bytes) => {
      received += bytes
    })
    socket.resume()
    await new Promise((resolve) => socket.on('close', resolve))
    log(event, received)
  }
})

// On the compatible road all messages of one read are served before ticks run.
same(
  'ticks run after a request with trailers',
  async (http, log, tools) => {
    const server = http.createServer((req, res) => {
      log(req.url)
      for (const event of ['end', 'close']) req.on(event, () => log(req.url, event))
      for (const event of ['finish', 'close']) res.on(event, () => log(req.url, 'response', event))
      req.resume().on('end', () => res.end('x'))
    })
    const client = await tools.connect(await tools.listen(server))
    const last = 'GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const body = '1\r\na\r\n0\r\nX: 1\r\n\r\n'
    await client.write(`POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}${last}`)
    await client.closed
  },
  { nativeOnly: true },
)
