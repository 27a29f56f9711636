'use strict'
// `server.listen` in all its forms, and the properties of a listening server.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const forms = {
  'no arguments': [],
  'a port': [0],
  'a port as text': ['0'],
  'a port and a host': [0, '127.0.0.1'],
  'a port and a host name': [0, 'localhost'],
  'a port, a host and a backlog': [0, '127.0.0.1', 8],
  'a port and a backlog': [0, 8],
  'null for the port': [null],
  options: [{ port: 0, host: '127.0.0.1' }],
  'options without a host': [{ port: 0 }],
  'options with a backlog': [{ port: 0, host: '127.0.0.1', backlog: 4 }],
  exclusive: [{ port: 0, host: '127.0.0.1', exclusive: true }],
  'IPv6 only': [{ port: 0, host: '::', ipv6Only: true }],
  reusePort: [{ port: 0, host: '127.0.0.1', reusePort: true }],
}

for (const [title, args] of Object.entries(forms)) {
  test(
    `listens on ${title}`,
    parity(async (http, log, { after }) => {
      const server = http.createServer((_req, res) => res.end('ok'))
      log(server.listening, server.address())
      const returned = server.listen(...args)
      log(returned === server)
      await new Promise((resolve) => server.once('listening', resolve))
      after(() => new Promise((resolve) => server.close(resolve)))
      const { address, family, port } = server.address()
      log(server.listening, address, family, typeof port, port > 0)
      const answer = await new Promise((resolve, reject) => {
        const host = family === 'IPv6' ? '::1' : '127.0.0.1'
        require('node:http')
          .get({ host, port, agent: false }, (res) => res.setEncoding('utf8').on('data', resolve))
          .on('error', reject)
      })
      log(answer)
    }),
  )
}

const refused = {
  'a port out of range': [65536],
  'a negative port': [-1],
  'a port that is no number': ['http'],
  'an option object without anything': [{}],
  'a boolean': [true],
  'an empty host': [{ port: 'x' }],
  'a bad signal': [{ port: 0, signal: 'INVALID_SIGNAL' }],
}

for (const [title, args] of Object.entries(refused)) {
  test(
    `refuses ${title}`,
    parity(async (http, log, { after }) => {
      const server = http.createServer()
      try {
        server.listen(...args)
        log('did not throw')
        after(() => server.close())
      } catch (error) {
        log(error)
      }
    }),
  )
}

test(
  'the callback is a listener of listening',
  parity(async (http, log, { after }) => {
    const server = http.createServer()
    await new Promise((resolve) => {
      server.on('listening', () => log('listener'))
      server.listen(0, '127.0.0.1', function callback(...args) {
        log('callback', args.length, this === server)
        resolve()
      })
      log('listen returned', server.listening)
    })
    after(() => server.close())
  }),
)

/** A server that does not listen can begin to. */
async function opensAgain(server, log, until) {
  server.listen(0, '127.0.0.1')
  await until(server, 'listening')
  log(server.listening)
  await new Promise((resolve) => server.close(resolve))
}

test(
  'a port in use',
  parity(async (http, log, { listen, until }) => {
    const port = await listen(http.createServer())
    const second = http.createServer()
    second.listen(port, '127.0.0.1')
    log(second.listening)
    const [error] = await until(second, 'error')
    const { code, syscall, address, errno } = error
    log(code, syscall, address, errno, error.port === port, error.message.replace(port, '<port>'))
    log(second.listening, second.address())
    // It can try again.
    await opensAgain(second, log, until)
  }),
)

test(
  'an address that is not here, and one that is none',
  parity(async (http, log, { until }) => {
    for (const host of ['192.0.2.1', 'host.invalid']) {
      const server = http.createServer()
      server.listen(0, host)
      const [error] = await until(server, 'error')
      log(host, error.code === 'EAI_AGAIN' ? 'ENOTFOUND' : error.code, server.listening)
    }
  }),
)

test(
  'listening twice',
  parity(async (http, log, { listen }) => {
    const server = http.createServer()
    await listen(server)
    try {
      server.listen(0)
      log('did not throw')
    } catch (error) {
      log(error)
    }
  }),
)

test(
  'a signal closes the server',
  parity(async (http, log, { until, record }) => {
    const controller = new AbortController()
    const server = http.createServer()
    record(server, ['close', 'listening'])
    server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal })
    await until(server, 'listening')
    controller.abort()
    await until(server, 'close')
    log(server.listening)
  }),
)

test(
  'a signal that was aborted before',
  parity(async (http, log, { until }) => {
    const server = http.createServer()
    server.listen({ port: 0, host: '127.0.0.1', signal: AbortSignal.abort() })
    await until(server, 'close')
    log(server.listening)
  }),
)

const socketPath = (name) =>
  require('node:path').join(require('node:os').tmpdir(), `ferrohttp-${process.pid}-${name}.sock`)

for (const [title, options] of Object.entries({
  'a path': (path) => [path],
  'a path in options': (path) => [{ path }],
  'a path readable by all': (path) => [{ path, readableAll: true }],
  'a path writable by all': (path) => [{ path, readableAll: true, writableAll: true }],
})) {
  on24(
    `listens on ${title}`,
    parity(async (http, log, { until, raw, record }) => {
      const fs = require('node:fs')
      const path = socketPath(title.replaceAll(' ', '-'))
      const server = http.createServer((req, res) => {
        const { localAddress, remoteAddress, remotePort, remoteFamily } = req.socket
        log(localAddress, remoteAddress, remotePort, remoteFamily, req.socket.address())
        res.end('over a path')
      })
      record(server, ['close'])
      server.listen(...options(path))
      await until(server, 'listening')
      log(server.address() === path, (fs.statSync(path).mode & 0o777).toString(8))
      log(await raw(path, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
      const second = http.createServer()
      second.listen(path)
      const [error] = await until(second, 'error')
      log(error.code, error.syscall, error.address === path, error.port)
      await new Promise((resolve) => server.close(resolve))
      log(fs.existsSync(path))
    }),
  )
}

for (const [title, what] of Object.entries({
  'another server': (acceptor) => acceptor,
  'a handle': (acceptor) => acceptor._handle,
  'a handle in options': (acceptor) => ({ _handle: acceptor._handle }),
})) {
  test(
    `listens on ${title}`,
    parity(async (http, log, { until, raw, record }) => {
      const acceptor = require('node:net').createServer()
      acceptor.listen(0, '127.0.0.1')
      await until(acceptor, 'listening')
      const { port } = acceptor.address()
      const server = http.createServer((req, res) => res.end(req.url))
      record(server, ['listening', 'close'])
      server.listen(what(acceptor))
      log(server.listening)
      await until(server, 'listening')
      log(server.address().address, server.address().port === port)
      const answered = raw(port, 'GET /asked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      const [socket] = await until(server, 'connection')
      log(socket.server === server)
      log(await new Promise((resolve) => server.getConnections((error, count) => resolve([error, count]))))
      log((await answered).endsWith('/asked'))
      await new Promise((resolve) => server.close(resolve))
    }),
  )
}

test(
  'a descriptor that is none',
  parity(async (http, log, { until }) => {
    const file = require('node:fs').openSync(process.execPath)
    const server = http.createServer()
    server.listen({ fd: file })
    const [error] = await until(server, 'error')
    log(error.code, error.syscall, server.listening)
    require('node:fs').closeSync(file)
  }),
)

test(
  'close, and close again',
  parity(async (http, log, { until, record }) => {
    const server = http.createServer()
    record(server, ['close', 'listening'])
    log(server.close((error) => log('never opened', error)) === server)
    await new Promise(setImmediate)
    server.listen(0, '127.0.0.1')
    await until(server, 'listening')
    server.close((error) => log('first', error))
    log(server.listening, server.address())
    server.close((error) => log('second', error))
    await until(server, 'close')
    await new Promise(setImmediate)
    // And a server that was closed opens again.
    await opensAgain(server, log, until)
  }),
)

test(
  'closed before it listens',
  parity(async (http, log, { record }) => {
    const server = http.createServer()
    record(server, ['close', 'listening', 'error'])
    server.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.close(resolve))
    log(server.listening)
  }),
)

test(
  'asyncDispose',
  parity(async (http, log, { listen, record }) => {
    const server = http.createServer()
    record(server, ['close'])
    await server[Symbol.asyncDispose]().catch(log)
    await listen(server)
    await server[Symbol.asyncDispose]()
    log(server.listening)
  }),
)

test(
  'a server with unref does not keep the process alive',
  parity(
    async (http, log) => {
      const server = http.createServer()
      log(server.unref() === server)
      server.listen(0, '127.0.0.1', () => log('listening', server.ref() === server, server.unref() === server))
      process.on('exit', () => log('exit', server.listening))
      await new Promise((resolve) => server.once('listening', resolve))
    },
    { isolated: true },
  ),
)

test(
  'a ref server does',
  parity(
    async (http, log) => {
      const server = http.createServer().unref()
      server.listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      server.ref()
      setTimeout(() => {
        log('still here')
        server.close()
      }, 50).unref()
      server.on('close', () => log('closed'))
    },
    { isolated: true },
  ),
)
