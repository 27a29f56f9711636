'use strict'
// The events when a connection ends before its messages: their objects, their order, and their turns.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const boom = () => Object.assign(new Error('boom'), { code: 'BOOM' })

/** Notes an event, and when the callbacks that its listener queues have run. */
function mark(events, name) {
  events.push(name)
  process.nextTick(() => events.push(`${name}: tick`))
  Promise.resolve()
    .then(() => {})
    .then(() => events.push(`${name}: job`))
  setImmediate(() => events.push(`${name}: immediate`))
}

const turn = () => new Promise(setImmediate)

/** Waits until after the 'close' that is the last event. */
async function settled() {
  for (let i = 0; i < 5; i++) await turn()
}

const late = (_host, { all }, callback) =>
  setTimeout(callback, 10, null, all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4)
const fails = (_host, _options, callback) => setTimeout(callback, 5, boom())

/** Ways to end a request, given the request and promises of the events that it waits for. */
const CLIENTS = {
  'while its name is looked up': async (req) => {
    await turn()
    req.destroy(boom())
  },
  'without an error while its name is looked up': async (req) => {
    await turn()
    req.destroy()
  },
  'in the tick it was made in': (req) => req.destroy(boom()),
  'when it has a socket': (req) => req.on('socket', () => req.destroy(boom())),
  'by its socket, while the name is looked up': (req) => req.on('socket', (socket) => socket.destroy(boom())),
  'while it waits for the response': async (req, seen) => {
    await seen
    req.destroy(boom())
  },
  'by its socket, while it waits for the response': async (req, seen) => {
    await seen
    req.socket.destroy(boom())
  },
  'in the body of the response': (req) =>
    req.on('response', (res) => res.on('error', () => {}).once('data', () => setImmediate(() => req.destroy(boom())))),
  'by its response, in the body': (req) =>
    req.on('response', (res) => res.on('error', () => {}).once('data', () => setImmediate(() => res.destroy(boom())))),
  'as its name is not found': () => {},
  'as it is refused': () => {},
}

for (const [how, act] of Object.entries(CLIENTS))
  test.serial(
    `a request ends ${how}`,
    parity(async (http, log, { listen }) => {
      const server = http.createServer((req, res) => {
        if (how.includes('body')) res.write('begun')
        server.emit('seen')
      })
      const port = await listen(server)
      for (const keepAlive of [false, true]) {
        await turn()
        const seen = new Promise((resolve) => server.once('seen', resolve))
        const lookup = how.includes('not found') ? fails : late
        const to = how.includes('refused') ? { host: '127.0.0.1', port: 1 } : { host: 'a.test', port, lookup }
        const agent = new http.Agent({ keepAlive })
        const events = []
        const req = http.request({ ...to, agent })
        let socketClosed = Promise.resolve()
        req.on('socket', (socket) => {
          socketClosed = new Promise((resolve) => socket.on('close', () => resolve(events.push('socket close'))))
        })
        req.on('error', ({ code }) => mark(events, `error ${code}`))
        const closed = new Promise((resolve) => req.on('close', () => resolve(events.push('close'))))
        req.end()
        act(req, seen)
        await closed
        await socketClosed
        await settled()
        log(keepAlive, events)
      }
    }),
  )

/** How a server's connection ends. */
const SERVERS = {
  'the handler destroys the socket with an error': (req) => req.socket.destroy(boom()),
  'the handler destroys the request with an error': (req) => req.destroy(boom()),
  'the handler destroys the response with an error': (_req, res) => res.destroy(boom()),
  'the handler destroys the socket': (req) => req.socket.destroy(),
  'the handler destroys the request': (req) => req.destroy(),
  'the peer resets': (_req, _res, peer) => peer.resetAndDestroy(),
  'the peer closes': (_req, _res, peer) => peer.destroy(),
}

for (const [how, act] of Object.entries(SERVERS))
  for (const hasBody of [false, true])
    test.serial(
      `${how} before ${hasBody ? 'the body has arrived' : 'there is an answer'}`,
      parity(async (http, log, { connect, listen }) => {
        const events = []
        let client
        const server = http.createServer((req, res) => {
          for (const [name, emitter] of Object.entries({ request: req, response: res, socket: req.socket })) {
            emitter.on('error', ({ code }) => mark(events, `${name} error ${code}`))
            emitter.on('close', () => events.push(`${name} close`))
          }
          req.on('aborted', () => events.push('aborted'))
          req.socket.on('close', () => server.emit('over'))
          act(req, res, client.socket)
        })
        const over = new Promise((resolve) => server.on('over', resolve))
        client = await connect(await listen(server))
        client.socket.on('error', () => {})
        await client.write(
          hasBody ? 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab' : 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
        )
        await over
        await settled()
        log(events)
      }),
    )

for (const cut of ['socket', 'request', 'response'])
  test.serial(
    `a program that answers an upload and destroys the ${cut} gets no events of the rest`,
    parity(async (http, log, { connect, listen, until }) => {
      const server = http.createServer((req, res) => {
        for (const event of ['aborted', 'error', 'end', 'close'])
          req.on(event, (error) => log('request', event, error?.code))
        for (const event of ['finish', 'close']) res.on(event, () => log('response', event))
        req.socket.on('close', () => server.emit('over'))
        req.once('data', () => {
          res.writeHead(413, { Connection: 'close', 'Content-Length': 3 }).end('big')
          if (cut === 'socket') req.socket.destroy()
          else setImmediate(() => (cut === 'request' ? req : res).destroy())
        })
      })
      const over = until(server, 'over')
      const client = await connect(await listen(server))
      client.socket.on('error', () => {})
      await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegun')
      await over
      await settled()
    }),
  )

/** The moment at which a handler adds its listeners. */
const MOMENTS = {
  'at once': (listen) => listen(),
  'in a tick': (listen) => process.nextTick(listen),
  'in a job': (listen) => Promise.resolve().then(listen),
  'after 30 jobs': async (listen) => {
    for (let i = 0; i < 30; i++) await null
    listen()
  },
  'after ticks and jobs': (listen) =>
    process.nextTick(() => Promise.resolve().then(() => process.nextTick(() => Promise.resolve().then(listen)))),
}

for (const [moment, defer] of Object.entries(MOMENTS))
  for (const body of ['', 'abc'])
    for (const listened of [false, true])
      test.serial(
        `listeners added ${moment} get the events of a request cut off ${body ? 'in' : 'before'} its body, ${listened ? 'with' : 'without'} clientError`,
        parity(async (http, log, { connect, listen }) => {
          const server = http.createServer((req) =>
            defer(() => {
              for (const event of ['aborted', 'error', 'end', 'close'])
                req.on(event, (error) => log(event, error?.code))
              req.on('close', () => server.emit('over')).resume()
            }),
          )
          if (listened) server.on('clientError', (_error, socket) => socket.destroy())
          const over = new Promise((resolve) => server.on('over', resolve))
          const client = await connect(await listen(server))
          client.socket.on('error', () => {})
          client.socket.end(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70\r\n\r\n${body}`)
          await over
        }),
      )
