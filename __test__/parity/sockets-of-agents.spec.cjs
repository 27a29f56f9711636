'use strict'
// Sockets of an agent that other code uses, or listens to: ordinary streams, as in Node.
const { once } = require('node:events')
const { Duplex } = require('node:stream')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

for (const whose of ['a new agent', 'the global agent', 'a subclass', 'an agent that keeps connections']) {
  test(
    `a wrapping agent over ${whose}`,
    parity(async (http, log, tools) => {
      class Other extends http.Agent {}
      const inner = {
        'a new agent': new http.Agent(),
        'the global agent': http.globalAgent,
        'a subclass': new Other(),
        'an agent that keeps connections': new http.Agent({ keepAlive: true }),
      }[whose]
      class Recording extends http.Agent {
        createConnection(options, callback) {
          const real = inner.createConnection(options, callback)
          const shown = new Duplex({
            read() {},
            write(chunk, encoding, done) {
              log('out', chunk.toString('latin1').split('\r\n')[0])
              real.write(chunk, encoding, done)
            },
            final(done) {
              real.end(done)
            },
          })
          real.on('data', (data) => {
            log('in', data.toString('latin1').split('\r\n')[0])
            shown.push(data)
          })
          real.on('end', () => shown.push(null))
          real.on('error', (error) => shown.destroy(error))
          real.on('close', () => shown.destroy())
          return shown
        }
      }
      const server = http.createServer((request, response) => response.end('real'))
      const port = await tools.listen(server)
      for (const method of ['GET', 'POST']) {
        const request = http.request({ port, host: '127.0.0.1', method, agent: new Recording() })
        const closed = new Promise((resolve) => request.once('close', resolve))
        request.end()
        const [response] = await once(request, 'response')
        let text = ''
        for await (const data of response) text += data
        log(response.statusCode, text)
        await closed
      }
    }),
  )
}

test(
  'a program uses the sockets of createConnection and createSocket itself',
  parity(async (http, log, tools) => {
    const server = http.createServer((_request, response) => response.end('x'))
    const port = await tools.listen(server)
    const agent = new http.Agent({ keepAlive: true })
    const options = { host: '127.0.0.1', port }
    const makers = {
      createConnection: () => agent.createConnection(options),
      'createConnection of a name': () => agent.createConnection({ ...options, _agentKey: agent.getName(options) }),
      createSocket: () =>
        new Promise((resolve, reject) =>
          agent.createSocket({ getHeader() {} }, options, (error, made) => (error ? reject(error) : resolve(made))),
        ),
    }
    const readers = {
      data: (socket) =>
        new Promise((resolve) => {
          let text = ''
          socket.setEncoding('latin1').on('data', (data) => {
            text += data
            if (text.endsWith('x')) resolve(text)
          })
        }),
      readable: async (socket) => {
        await once(socket, 'readable')
        return socket.read().toString('latin1')
      },
    }
    for (const [made, make] of Object.entries(makers)) {
      for (const [read, reader] of Object.entries(readers)) {
        const socket = await make()
        const text = reader(socket)
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        log(made, read, (await text).split('\r\n')[0])
        socket.end()
        await once(socket.resume(), 'close')
        log('closed')
      }
    }
  }),
)

test(
  'listeners of a request for events of its socket',
  parity(async (http, log, tools) => {
    const server = http.createServer((request, response) => request.resume().on('end', () => response.end('hello')))
    const port = await tools.listen(server)
    const agent = new http.Agent({ keepAlive: true })
    for (const method of ['GET', 'POST', 'GET']) {
      const request = http.request({ host: '127.0.0.1', port, agent, method })
      const seen = []
      const listen = (data) => seen.push(data)
      request.on('socket', (socket) => socket.on('data', listen))
      request.end(method === 'POST' ? 'body' : undefined)
      const [response] = await once(request, 'response')
      let text = ''
      for await (const data of response) text += data
      log(
        method,
        text,
        request.reusedSocket,
        Buffer.concat(seen).toString().split('\r\n')[0],
        Buffer.concat(seen).includes('hello'),
      )
      request.socket.removeListener('data', listen)
      if (!request.closed) await once(request, 'close')
    }
    agent.destroy()
  }),
)

test(
  'a kept socket that a program has listened to still serves requests',
  parity(async (http, log, tools) => {
    const server = http.createServer((request, response) => response.end(request.url))
    const port = await tools.listen(server)
    const agent = new http.Agent({ keepAlive: true })
    for (const path of ['/1', '/2', '/3']) {
      const request = http.get({ host: '127.0.0.1', port, agent, path })
      const free = once(agent, 'free')
      const [response] = await once(request, 'response')
      let text = ''
      for await (const data of response) text += data
      log(text, request.reusedSocket)
      const [socket] = await free
      await new Promise(setImmediate)
      socket.on('data', () => {})
    }
    agent.destroy()
  }),
)
