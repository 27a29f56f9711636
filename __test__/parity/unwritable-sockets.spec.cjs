'use strict'
// A request on a socket that can be read and not written: proxy agents answer a refused CONNECT so. The request waits, and
// what the socket brings is its response.
const { parity, whereNode24 } = require('../helpers/parity.cjs')

/** `own` makes the request's options from its socket. */
function unwritable(title, own) {
  const script = new Function(
    'http',
    'log',
    `return (async () => {
      const net = require('node:net')
      const { Duplex } = require('node:stream')
      const own = ${own}
      const kinds = {
        'net.Socket': () => Object.assign(new net.Socket({ writable: false }), { readable: true }),
        'Duplex that has ended': () => new Duplex({ read() {}, write(chunk, encoding, done) { done() } }).end(),
      }
      const fills = {
        GET: [{}, (request) => request.end()],
        'GET, flushed': [{}, (request) => { request.flushHeaders(); request.end() }],
        POST: [{ method: 'POST' }, (request) => { request.write('abc'); request.end() }],
        'POST, later': [{ method: 'POST' }, (request) => { request.write('abc', () => log('written')); request.once('socket', () => request.end('d', () => log('ended'))) }],
      }
      for (const [kind, make] of Object.entries(kinds)) {
        for (const [fill, [options, write]] of Object.entries(fills)) {
          const socket = make()
          await new Promise((resolve) => {
            const request = http.request({ host: 'x.test', ...options, ...own(http, socket) }, (response) => {
              let text = ''
              response.on('data', (data) => { text += data })
              response.on('end', () => { log(kind, fill, 'response', response.statusCode, text, request.outputData.length > 0); setImmediate(resolve) })
            })
            for (const event of ['error', 'finish', 'close']) request.on(event, (error) => log(kind, fill, event, error?.code))
            request.on('socket', (given) => {
              given.push('HTTP/1.1 407 Auth\\r\\nContent-Length: 2\\r\\n\\r\\nno')
              given.push(null)
            })
            write(request)
          })
        }
      }
    })()`,
  )
  whereNode24(title, parity(script, { only24: true, isolated: true }))
}

unwritable('from an agent', (http, socket) => {
  const agent = new http.Agent()
  agent.createConnection = () => socket
  return { agent }
})

unwritable('from createConnection', (_http, socket) => ({ createConnection: () => socket }))

unwritable('from an agent that takes its time', (http, socket) => {
  const agent = new http.Agent({ keepAlive: true })
  agent.createSocket = function createSocket(...args) {
    Promise.resolve().then(() => {
      this.createConnection = () => socket
      http.Agent.prototype.createSocket.apply(this, args)
    })
  }
  return { agent }
})

whereNode24(
  'the program ends the socket before the request has been sent',
  parity(
    async (http, log, tools) => {
      const server = http.createServer((request, response) => {
        log('served', request.method)
        response.end()
      })
      const port = await tools.listen(server)
      for (const when of ['socket', 'connect', 'tick']) {
        for (const method of ['GET', 'POST']) {
          if (when === 'connect' && method === 'POST') continue
          const request = http.request({ host: '127.0.0.1', port, agent: false, method })
          const closed = new Promise((resolve) => request.once('close', resolve))
          for (const event of ['finish', 'error', 'response', 'close'])
            request.on(event, (value) => log(when, method, event, value?.code))
          const ended = new Promise((resolve) => {
            request.once('socket', (socket) => {
              const end = () => resolve(socket.end())
              if (when === 'socket') end()
              else if (when === 'connect') socket.once('connect', end)
              else process.nextTick(end)
            })
          })
          if (method === 'POST' && when === 'socket') request.write('abc')
          await ended
          request.end()
          await closed
        }
      }
    },
    { only24: true, isolated: true },
  ),
)

whereNode24(
  'a write and the end of the socket in one turn',
  parity(
    async (http, log, tools) => {
      const { once } = require('node:events')
      const net = require('node:net')
      const server = net.createServer()
      const port = await tools.listen(server)
      const accepted = once(server, 'connection')
      const headers = { 'Content-Length': 6 }
      const request = http.request({ host: '127.0.0.1', port, agent: false, method: 'POST', setHost: false, headers })
      request.on('error', (error) => log(error.code))
      request.on('socket', (socket) => {
        request.write('abc')
        socket.end()
        request.end('def')
      })
      const [socket] = await accepted
      let text = ''
      for await (const data of socket) text += data
      log(text)
      if (!request.closed) await once(request, 'close').catch(() => {})
    },
    { only24: true, isolated: true },
  ),
)
