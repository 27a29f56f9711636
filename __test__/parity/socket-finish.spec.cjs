'use strict'
// 'finish', 'end' and 'close' of sockets, beside the ticks, promise jobs and immediates of the same turn.
const net = require('node:net')
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

/** Collects events, with the ticks, jobs and immediates that each of them queues. */
function collect() {
  const events = []
  const mark = (name) => {
    events.push(name)
    process.nextTick(() => events.push(`${name}: tick`))
    Promise.resolve().then(() => events.push(`${name}: job`))
  }
  const watch = (emitter, label, names) => {
    for (const name of names)
      emitter.on(name, (error) => mark(`${label} ${name}${error instanceof Error ? ` ${error.code}` : ''}`))
  }
  return { events, mark, watch }
}

const state = ({ destroyed, writable, writableEnded }) => JSON.stringify({ destroyed, writable, writableEnded })

const HANDLERS = {
  'after its response': (req, res, ended) => {
    res.end('x')
    req.socket.end()
    ended()
  },
  'with bytes of its own': (req, _res, ended) => {
    req.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    ended()
  },
  'in an immediate': (req, _res, ended) =>
    setImmediate(() => {
      req.socket.end()
      ended()
    }),
  'in a timer': (req, _res, ended) =>
    setTimeout(() => {
      req.socket.end()
      ended()
    }, 1),
}

for (const [how, handle] of Object.entries(HANDLERS)) {
  on24.serial(
    `a server's socket that the program ends ${how}`,
    parity(async (http, log, { listen, connect, until }) => {
      const { events, mark, watch } = collect()
      const server = http.createServer((req, res) => {
        watch(req.socket, 'socket', ['finish', 'end', 'close'])
        watch(req, 'request', ['end', 'close'])
        watch(res, 'response', ['finish', 'close'])
        req.resume()
        handle(req, res, () => {
          mark('ended')
          setImmediate(() => events.push('immediate'))
        })
        server.emit('handled', req.socket)
      })
      const handled = until(server, 'handled')
      const client = await connect(await listen(server))
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      const [socket] = await handled
      if (!socket.writableFinished) await until(socket, 'finish')
      for (let i = 0; i < 3; i++) await new Promise(setImmediate)
      for (const event of events) log(event)
    }),
  )
}

const OK = 'HTTP/1.1 200 OK\r\n'
/** What the server sends, and whether it ends the connection after that. */
const RESPONSES = {
  'a body until the end': [`${OK}\r\nhello`, true],
  'a body that is cut off': [`${OK}Content-Length: 9\r\n\r\nhello`, true],
  'a body in chunks that is cut off': [`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, true],
  nothing: ['', true],
  'the last response': [`${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`, false],
  'the last response and the end': [`${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`, true],
}

const READERS = {
  'reads it': (res) => res.resume(),
  'reads it later': (res) => setTimeout(() => res.resume(), 40),
  'has ended the socket': (res, req) => {
    req.socket.end()
    res.resume()
  },
}

for (const [what, [bytes, ends]] of Object.entries(RESPONSES)) {
  for (const [how, read] of Object.entries(READERS)) {
    if (what === 'nothing' && how !== 'reads it') continue
    // The I/O thread closes the connection without waiting for the reader.
    if (what === 'the last response' && how === 'reads it later') continue
    on24.serial(
      `a client's socket that receives ${what}, and a program that ${how}`,
      parity(async (http, log, { after }) => {
        const { events, watch } = collect()
        const server = net.createServer({ allowHalfOpen: true }, (socket) => {
          socket.on('error', () => {})
          socket.once('data', () => {
            if (bytes !== '') socket.write(bytes)
            if (ends) setTimeout(() => socket.end(), 15)
          })
          socket.on('end', () => socket.end())
        })
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
        after(() => server.close())
        const agent = new http.Agent({ keepAlive: true })
        after(() => agent.destroy())
        const req = http.get({ port: server.address().port, host: '127.0.0.1', agent })
        watch(req, 'request', ['error', 'close'])
        const closed = new Promise((resolve) =>
          req.on('socket', (socket) => {
            for (const event of ['end', 'finish']) socket.on(event, () => events.push(`${event} ${state(socket)}`))
            watch(socket, 'socket', ['end', 'finish', 'close'])
            socket.on('close', resolve)
          }),
        )
        req.on('response', (res) => {
          watch(res, 'response', ['end', 'aborted', 'error', 'close'])
          read(res, req)
        })
        await closed
        await new Promise((resolve) => setTimeout(resolve, 50))
        for (const event of events) log(event)
      }),
    )
  }
}

on24.serial(
  'responses that wait for an earlier one, when the connection closes',
  parity(async (http, log, { listen, connect, until }) => {
    const responses = []
    const server = http.createServer((_req, res) => {
      responses.push(res)
      const name = `response ${responses.length}`
      for (const event of ['finish', 'prefinish', 'error'])
        res.on(event, (error) => log(name, event, ...(error ? [error.code] : [])))
      res.on('close', () => {
        log(name, 'close', res.errored, res.socket === null, res.destroyed, res.headersSent)
        if (responses.every((one) => one.closed)) server.emit('over')
      })
      if (responses.length === 3) {
        res.end('third')
        server.emit('handled')
      }
    })
    const [handled, over] = [until(server, 'handled'), until(server, 'over')]
    const client = await connect(await listen(server))
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
    await handled
    client.reset()
    await over
    responses[1].write('late', (error) => log('written', error))
    responses[1].end('end')
    await new Promise(setImmediate)
    log(responses[1].writableEnded, responses[1].writableFinished)
  }),
)
