'use strict'
// Ticks and promise jobs between the parts of a message that arrives in one read.
const { Duplex } = require('node:stream')
const net = require('node:net')
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

const LENGTH = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED =
  'POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: 1\r\n\r\n'
const GET = 'GET /c HTTP/1.1\r\nHost: a\r\n\r\n'

const READS = {
  'a body with a length': LENGTH,
  'a body in chunks, with trailers': CHUNKED,
  'a body, then another request': LENGTH + GET,
  'chunks with trailers, then another request': CHUNKED + GET,
}

const HANDLERS = {
  'answers at once': (_req, res) => res.end('ok'),
  'answers after the body': (req, res) => {
    req.resume()
    req.on('end', () => res.end('ok'))
  },
  'reads in a loop': async (req, res) => {
    for await (const _ of req);
    res.end('ok')
  },
  'pipes the body back': (req, res) => req.pipe(res),
  'destroys the response': (_req, res) => res.destroy(),
  'destroys the request': (req) => req.destroy(),
}

/** Serves one read, and logs its events with the ticks and jobs that they queue. */
async function serve(http, log, { until }, { connect, handle, read }) {
  const events = []
  const mark = (name) => {
    events.push(name)
    process.nextTick(() => events.push(`${name}: tick`))
    Promise.resolve().then(() => events.push(`${name}: job`))
  }
  const server = http.createServer((req, res) => {
    mark(`request ${req.url} ${req.complete}`)
    const { push } = req
    req.push = (chunk, ...rest) => {
      if (chunk !== null) events.push(`push ${chunk} ${req.complete}`)
      return push.call(req, chunk, ...rest)
    }
    for (const event of ['end', 'close', 'aborted']) req.on(event, () => mark(`${req.url} ${event}`))
    for (const event of ['finish', 'close']) res.on(event, () => mark(`${req.url} response ${event}`))
    handle(req, res)
  })
  const client = await connect(server)
  const over = until(server, 'connection over')
  client.write(read)
  await over
  for (const event of events) log(event)
}

for (const [what, read] of Object.entries(READS)) {
  for (const [how, handle] of Object.entries(HANDLERS)) {
    // Pipelined answers are sent together: a row of COMPATIBILITY.
    if (what.includes('another') && !how.startsWith('destroys')) continue
    on24.serial(
      `${what}: a handler that ${how}`,
      parity((http, log, tools) => {
        const connect = async (server) => {
          server.on('connection', (socket) =>
            socket.on('close', () => setImmediate(() => server.emit('connection over'))),
          )
          const client = await tools.connect(await tools.listen(server))
          // The connection ends when nothing more happens on it.
          const write = (bytes) => client.write(bytes).then(() => setTimeout(() => client.end(), 100))
          return { write }
        }
        return serve(http, log, tools, { connect, handle, read })
      }),
    )
    on24.serial(
      `${what}, from a stream that is no socket: a handler that ${how}`,
      parity((http, log, tools) => {
        const connect = async (server) => {
          const stream = new Duplex({ read() {}, write: (_chunk, _encoding, callback) => callback() })
          stream.on('close', () => setImmediate(() => server.emit('connection over')))
          server.emit('connection', stream)
          return {
            write(bytes) {
              setImmediate(() => stream.push(bytes))
              setTimeout(() => stream.destroy(), 100)
            },
          }
        }
        return serve(http, log, tools, { connect, handle, read })
      }),
    )
  }
}

on24.serial(
  'bytes that the program emits are parsed within its call',
  parity(async (http, log, { after }) => {
    const events = []
    const server = http.createServer((req, res) => {
      events.push(`request ${req.complete}`)
      process.nextTick(() => events.push('tick'))
      req.on('data', (chunk) => events.push(`data ${chunk} ${req.complete}`)).on('end', () => res.end())
    })
    const acceptor = net.createServer()
    await new Promise((resolve) => acceptor.listen(0, '127.0.0.1', resolve))
    after(() => acceptor.close())
    const client = net.connect(acceptor.address().port, '127.0.0.1')
    const socket = await new Promise((resolve) => acceptor.once('connection', resolve))
    server.emit('connection', socket)
    socket.emit('data', Buffer.from(LENGTH))
    events.push('emitted')
    await new Promise((resolve) => client.once('data', resolve))
    client.destroy()
    for (const event of events) log(event)
  }),
)
