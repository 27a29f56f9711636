'use strict'
// The server's own 'close' beside those of its last connection: its socket's, and those of the messages on it.
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const PART = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart'

/** How the last connection ends, while its request is unanswered. */
const ENDS = {
  'the server closes all connections': ({ server }) => server.closeAllConnections(),
  'its socket is destroyed': ({ req }) => req.socket.destroy(),
  'its socket is destroyed with an error': ({ req }) => req.socket.destroy(new Error('on purpose')),
  'its response is destroyed': ({ res }) => res.destroy(),
  'its peer sends FIN': ({ client }) => client.end(),
  'its peer resets it': ({ client }) => client.reset(),
}

for (const [how, act] of Object.entries(ENDS)) {
  for (const [what, request] of Object.entries({ 'a request': GET, 'part of one': PART })) {
    for (const seesSocket of [true, false]) {
      // Without a socket object a request of a native connection is destroyed with it.
      if (!seesSocket && how.startsWith('its socket')) continue
      on24.serial(
        `${how} after ${what}, ${seesSocket ? 'with' : 'without'} a socket object`,
        parity(async (http, log, { listen, connect, until }) => {
          const events = []
          const mark = (name) => {
            events.push(name)
            process.nextTick(() => events.push(`${name}: tick`))
            Promise.resolve().then(() => events.push(`${name}: job`))
          }
          const server = http.createServer((req, res) => {
            if (seesSocket) {
              for (const event of ['end', 'finish', 'close']) req.socket.on(event, () => mark(`socket ${event}`))
              req.socket.on('error', ({ code }) => mark(`socket error ${code}`))
            }
            req.on('aborted', () => mark('aborted')).on('error', () => {})
            req.on('close', () => mark('request close'))
            res.on('close', () => mark('response close'))
            server.emit('handled', { server, req, res })
          })
          const handled = until(server, 'handled')
          const client = await connect(await listen(server))
          await client.write(request)
          const [exchange] = await handled
          const closed = new Promise((resolve) => server.close(() => resolve(mark('server close'))))
          setImmediate(() => act({ ...exchange, client }))
          await closed
          // A request whose response was not sent closes last.
          if (!exchange.req.closed) await new Promise((resolve) => exchange.req.on('close', resolve))
          for (let i = 0; i < 3; i++) await new Promise(setImmediate)
          for (const event of events) log(event)
        }),
      )
    }
  }
}

for (const [how, act] of Object.entries(ENDS).filter(([name]) => !name.startsWith('its peer'))) {
  for (const seesSocket of [true, false]) {
    if (!seesSocket && how.startsWith('its socket')) continue
    on24.serial(
      `${how}, and later immediates close the server, ${seesSocket ? 'with' : 'without'} a socket object`,
      parity(async (http, log, { listen, connect, until }) => {
        for (let immediates = 0; immediates < 4; immediates++) {
          for (let repetition = 0; repetition < 10; repetition++) {
            const events = []
            const server = http.createServer((req, res) => {
              if (seesSocket) req.socket.on('close', () => events.push('socket')).on('error', () => {})
              req.on('close', () => events.push('request')).on('error', () => {})
              res.on('close', () => events.push('response'))
              server.emit('handled', { server, req, res })
            })
            const handled = until(server, 'handled')
            const client = await connect(await listen(server))
            await client.write(GET)
            const [exchange] = await handled
            const closed = new Promise((resolve) => server.on('close', () => resolve(events.push('server'))))
            setImmediate(async () => {
              act(exchange)
              for (let i = 0; i < immediates; i++) await new Promise(setImmediate)
              server.close()
            })
            await closed
            if (!exchange.req.closed) await new Promise((resolve) => exchange.req.on('close', resolve))
            await new Promise(setImmediate)
            log(immediates, events)
          }
        }
      }),
    )
  }
}

on24.serial(
  "listeners of 'close' throw, and the server closes all the same",
  parity(
    async (http, log, { listen, connect, until }) => {
      process.on('uncaughtException', ({ message }) => log('uncaught', message))
      for (const name of Array(10).fill(['socket', 'request', 'response']).flat()) {
        const server = http.createServer((req, res) => {
          // Without a socket object the connection ends the messages itself.
          const emitter = name === 'socket' ? req.socket : name === 'request' ? req : res
          emitter.on('close', () => {
            throw new Error(name)
          })
          req.on('error', () => {})
          server.emit('handled', res)
        })
        const handled = until(server, 'handled')
        const client = await connect(await listen(server))
        await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        const [res] = await handled
        await new Promise(setImmediate)
        res.destroy()
        await new Promise(setImmediate)
        const closed = until(server, 'close')
        server.close()
        await closed
      }
    },
    { isolated: true },
  ),
)

on24.serial(
  'connections that the program has destroyed are not counted',
  parity(async (http, log, { listen, connect, until }) => {
    const server = http.createServer(() => {})
    const port = await listen(server)
    const count = () => new Promise((resolve) => server.getConnections((_, number) => resolve(number)))
    const clients = []
    const sockets = []
    for (let i = 0; i < 3; i++) {
      const shown = until(server, 'connection')
      clients.push(await connect(port))
      sockets.push((await shown)[0])
    }
    log(await count())
    sockets[1].destroy()
    const left = count()
    log(await left)
  }),
)
