'use strict'
// The order of the events of a server's request, response and socket in one exchange; that of Node 24, which differs from others.
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const HANDLERS = {
  'at once, unread': (_req, res) => res.end('x'),
  'at once, read': (req, res) => {
    req.resume()
    res.end('x')
  },
  'when it has been read': (req, res) => req.resume().on('end', () => res.end('x')),
  'later, read': (req, res) => {
    req.resume()
    setTimeout(() => res.end('x'), 5)
  },
}

const turn = () => new Promise(setImmediate)

for (const [when, handler] of Object.entries(HANDLERS))
  for (const [method, rest] of Object.entries({ GET: '\r\n', HEAD: '\r\n', POST: 'Content-Length: 5\r\n\r\nhello' }))
    for (const kept of [true, false])
      on24.serial(
        `a ${method} that is answered ${when}, on a connection that ${kept ? 'is kept' : 'closes'}`,
        parity(
          async (http, log, { connect, listen }) => {
            const server = http.createServer((req, res) => {
              for (const event of ['end', 'aborted', 'close']) req.on(event, () => log('request', event))
              for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => log('response', event))
              req.on('close', () => log(res.writableFinished, res.finished, res.destroyed))
              res.on('close', () => log(req.destroyed, req.closed, req.readableEnded, res.socket === null))
              let left = 2
              for (const message of [req, res]) message.on('close', () => --left === 0 && server.emit('over'))
              handler(req, res)
            })
            const over = new Promise((resolve) => server.on('over', resolve))
            const client = await connect(await listen(server))
            await client.write(`${method} / HTTP/1.1\r\nHost: a\r\n${kept ? '' : 'Connection: close\r\n'}${rest}`)
            await over
            await turn()
          },
          // A stream is parsed one chunk at a time, and ticks run after each.
          { nativeOnly: method === 'POST' && when === 'at once, read' },
        ),
      )

/** A handler that detaches the response from its socket. */
const DETACHMENTS = {
  'in the handler': (res, socket) => {
    res.detachSocket(socket)
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  },
  'and ended': (res, socket, log) => {
    res.detachSocket(socket)
    res.end('x', (error) => log('end', error?.code))
    socket.destroy()
  },
  'after its head': (res, socket) => {
    res.writeHead(200).flushHeaders()
    res.detachSocket(socket)
    socket.end('raw')
  },
  'and destroyed': (res, socket) => {
    res.detachSocket(socket)
    res.destroy()
    setImmediate(() => socket.destroy())
  },
  'and assigned again': (res, socket) => {
    res.detachSocket(socket)
    res.assignSocket(socket)
    res.setHeader('Connection', 'close')
    res.end('x')
  },
}

for (const [how, act] of Object.entries(DETACHMENTS))
  on24.serial(
    `a response detached ${how}`,
    parity(async (http, log, { connect, listen }) => {
      const server = http.createServer((_req, res) => {
        const { socket } = res
        for (const event of ['finish', 'close']) res.on(event, () => log('response', event))
        socket.on('close', () => server.emit('over'))
        act(res, socket, log)
        log('in the handler', res.socket === null)
      })
      const over = new Promise((resolve) => server.on('over', resolve))
      const client = await connect(await listen(server))
      client.socket.on('error', () => {})
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await over
      await turn()
      client.socket.end()
    }),
  )

const SENT = {
  'in one segment': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd'],
  'with a long body': [
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\nConnection: close\r\n\r\n${'x'.repeat(4000)}`,
  ],
  'in chunks': [
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n',
  ],
  'before another one': [
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ],
}

for (const [how, parts] of Object.entries(SENT))
  on24.serial(
    `listeners for a connection's data are called before those of a request ${how}`,
    parity(async (http, log, { listen, raw }) => {
      const server = http.createServer((req, res) => {
        log('request')
        req.on('data', (data) => log('request data', data.length, req.complete))
        req.on('end', () => res.end('ok'))
      })
      server.on('connection', (socket) =>
        socket.on('data', (data) => log('socket data', data.length, data.latin1Slice(0, 12))),
      )
      await raw(await listen(server), ...parts)
    }),
  )

/** When a listener is added to a message that has arrived whole. */
const MOMENTS = {
  'at once': (listen) => listen(),
  'in a tick': (listen) => process.nextTick(listen),
  'in a job': (listen) => Promise.resolve().then(listen),
  'in an immediate': (listen) => setImmediate(listen),
}
const BODIES = {
  'of known length': 'Content-Length: 5\r\n\r\nhello',
  'in chunks': 'Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
  'of known length and 20 KB': `Content-Length: 20000\r\n\r\n${'x'.repeat(20_000)}`,
  'in a chunk of 20 KB': `Transfer-Encoding: chunked\r\n\r\n4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n`,
}

for (const [moment, defer] of Object.entries(MOMENTS))
  for (const [kind, body] of Object.entries(BODIES)) {
    on24.serial(
      `whether a request with a body ${kind} is complete when its data is emitted, listened to ${moment}`,
      parity(
        async (http, log, { connect, listen }) => {
          const server = http.createServer((req) =>
            defer(() => {
              log('listening', req.complete)
              req.on('data', (data) => log('data', data.length, req.complete))
              req.on('end', () => server.emit('over', log('end', req.complete)))
            }),
          )
          const over = new Promise((resolve) => server.on('over', resolve))
          const client = await connect(await listen(server))
          await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${body}`)
          await over
        },
        { nativeOnly: true },
      ),
    )
    on24.serial(
      `whether a response with a body ${kind} is complete when its data is emitted, listened to ${moment}`,
      parity(async (http, log, { after }) => {
        const net = require('node:net')
        const server = net.createServer((socket) => {
          socket.on('error', () => {}).once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${body}`))
          after(() => socket.destroy())
        })
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
        after(() => server.close())
        const { port } = server.address()
        for (const createConnection of [undefined, () => net.connect(port, '127.0.0.1')])
          await new Promise((resolve) => {
            http.get({ host: '127.0.0.1', port, agent: false, createConnection }, (res) =>
              defer(() => {
                log('listening', res.complete)
                res.on('data', (data) => log('data', data.length, res.complete))
                res.on('end', () => resolve(log('end', res.complete)))
              }),
            )
          })
      }),
    )
  }
