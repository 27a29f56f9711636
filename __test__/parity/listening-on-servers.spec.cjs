'use strict'
// `listen(server)`: a server that listens on another one's socket, and what `process` reports about both.
const { once } = require('node:events')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const posix = process.platform === 'win32' ? test.skip : test

/** The answer of the server at `where` to a bare peer. */
async function ask(where) {
  const socket = net.connect(where)
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  let text = ''
  socket.setEncoding('latin1').on('data', (data) => {
    text += data
  })
  await once(socket, 'close')
  return text.split('\r\n\r\n').at(-1)
}

const makers = {
  'an http server': (http) => http.createServer((_request, response) => response.end('other')),
  'a net server': () => net.createServer((socket) => socket.resume().end('other')),
}
const targets = {
  server: (server) => server,
  _handle: (server) => server._handle,
  '{ handle }': (server) => ({ handle: server._handle }),
  '{ _handle }': (server) => ({ _handle: server._handle }),
}

for (const [kind, make] of Object.entries(makers)) {
  for (const [form, target] of Object.entries(targets)) {
    posix(
      `${kind} on ${form}`,
      parity(
        async (http, log) => {
          const server = http.createServer((_request, response) => response.end('first'))
          await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
          const { port } = server.address()
          const kept = net.connect(port, '127.0.0.1')
          kept.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
          log((await once(kept, 'data'))[0].toString().endsWith('first'))
          const other = make(http)
          await new Promise((resolve) => other.listen(target(server), resolve))
          log(other.address().port === port, server.address().port === port, other.listening, server.listening)
          log(await ask(port), await ask(port))
          kept.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
          log((await once(kept, 'data'))[0].toString().endsWith('first'))
          kept.destroy()
          other.close()
          await once(other, 'close')
          const failed = net.connect(port, '127.0.0.1')
          log((await once(failed, 'error').catch((error) => [error]))[0].code)
          log(server.listening)
          server.close()
          await once(server, 'close')
        },
        { nativeOnly: true },
      ),
    )
  }
}

posix(
  'the first one is closed: so is the other',
  parity(async (http, log) => {
    const server = http.createServer()
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address()
    const other = http.createServer((_request, response) => response.end('other'))
    await new Promise((resolve) => other.listen(server, resolve))
    log(await ask(port))
    server.close()
    await once(server, 'close')
    const failed = net.connect(port, '127.0.0.1')
    log((await once(failed, 'error').catch((error) => [error]))[0].code)
    other.close()
    await once(other, 'close')
  }),
)

posix('on a server with a path', async (t) => {
  const { createServer } = require('ferrohttp')
  const fs = require('node:fs')
  const file = path.join(os.tmpdir(), `ferrohttp-listen-${process.pid}-${Math.random()}`)
  const server = createServer((_request, response) => response.end('first'))
  await new Promise((resolve) => server.listen(file, resolve))
  t.is(await ask(file), 'first')
  const other = createServer((_request, response) => response.end('other'))
  await new Promise((resolve) => other.listen(server, resolve))
  t.is(await ask(file), 'other')
  server.close()
  await once(server, 'close')
  t.false(fs.existsSync(file))
  other.close()
  await once(other, 'close')
})

test(
  'servers that cannot be listened on',
  parity(async (http, log) => {
    const closed = http.createServer()
    await new Promise((resolve) => closed.listen(0, '127.0.0.1', resolve))
    closed.close()
    await once(closed, 'close')
    for (const target of [http.createServer(), closed]) {
      try {
        http.createServer().listen(target)
        log('listens')
      } catch (error) {
        log(error.code)
      }
    }
    const server = http.createServer()
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const busy = http.createServer()
    await new Promise((resolve) => busy.listen(0, '127.0.0.1', resolve))
    try {
      busy.listen(server)
      log('listens')
    } catch (error) {
      log(error.code)
    }
    log(server.listening, busy.listening)
    for (const one of [server, busy]) {
      one.close()
      await once(one, 'close')
    }
  }),
)

test(
  'the reports of process about servers and connections',
  parity(
    async (http, log) => {
      const { once } = require('node:events')
      const net = require('node:net')
      const shown = () => {
        const owners = process
          ._getActiveHandles()
          .filter(
            (one) =>
              one instanceof net.Server || (one instanceof net.Socket && !one.fd && one.remoteFamily !== undefined),
          )
        const counts = {}
        for (const type of process.getActiveResourcesInfo())
          if (/^TCP/.test(type)) counts[type] = (counts[type] ?? 0) + 1
        return [
          owners.filter((one) => one instanceof net.Server).length,
          owners.filter((one) => one instanceof net.Socket).length,
          counts,
        ]
      }
      log('nothing', ...shown())
      const server = http.createServer((request, response) => {
        log(
          'handler',
          ...shown(),
          process._getActiveHandles().includes(request.socket),
          process._getActiveHandles().includes(server),
        )
        response.end('x')
      })
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
      log('listening', ...shown())
      server.unref()
      log('unref', ...shown())
      server.ref()
      const agent = new http.Agent({ keepAlive: true })
      const request = http.get({ port: server.address().port, host: '127.0.0.1', agent })
      const free = once(agent, 'free')
      const [response] = await once(request, 'response')
      response.resume()
      const [socket] = await free
      await new Promise(setImmediate)
      log('idle', ...shown(), process._getActiveHandles().includes(socket))
      server.close()
      agent.destroy()
      await once(server, 'close')
      await new Promise(setImmediate)
      log('closed', ...shown())
    },
    { isolated: true, nativeOnly: true },
  ),
)
