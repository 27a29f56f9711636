'use strict'
// What a request's socket emits at its end, after the request was cancelled, and after an upgrade. Scripts run in other processes.
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
  request.setTimeout(50, () => log('request timeout'))
  const [, socket] = await until(request, 'upgrade')
  await until(socket, 'timeout')
  log('socket timeout', socket.timeout)
  socket.destroy()
})
