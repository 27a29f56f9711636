'use strict'
// The counters of sockets and messages immediately after a write, and at the end: access logs and back-pressure code read them.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { CONNECT, GET, UPGRADE, exchange } = require('./_peer.cjs')

const SIZES = [1, 100, 5000, 16384, 20000, 65536, 200000]

/** The counters of a socket; `bytesRead` only where the received bytes are known. */
const ofSocket = (socket) => [
  socket.writableLength,
  socket.bufferSize,
  socket.writableNeedDrain,
  socket.writableCorked,
  socket.bytesWritten,
  socket.bytesRead,
]
const ofMessage = (message) => [message.writableLength, message.writableNeedDrain, message.writableCorked]
/** A head's length differs by its date's. */
const at = (seen, socket) => {
  const before = socket.bytesWritten
  return (label, ...more) => {
    const counters = ofSocket(socket)
    counters[4] -= before
    seen(label, ...counters, ...more)
  }
}

const OWNERS = {
  upgrade: [(server, act) => server.on('upgrade', (_, socket) => act(socket)), UPGRADE],
  connect: [(server, act) => server.on('connect', (_, socket) => act(socket)), CONNECT],
  request: [(server, act) => server.on('request', (req) => act(req.socket)), GET],
}

for (const [owner, [prepare, request]] of Object.entries(OWNERS)) {
  test(
    `${owner}: counters of a socket after its own writes`,
    parity(async (http, log, tools) => {
      const { received, seen } = await exchange(
        http,
        tools,
        (server, see) =>
          prepare(server, (socket) => {
            const count = at(see, socket)
            socket.on('close', () => count('close'))
            socket.on('finish', () => count('finish'))
            socket.on('end', () => see('end', socket.bytesRead))
            count('begun')
            for (const size of SIZES) count(size, socket.write(Buffer.alloc(size, 'x')))
            for (const text of ['text', 'täxt', '']) count(text, socket.write(text))
            count('hex', socket.write('c3a9', 'hex'))
            socket.cork()
            count('corked', socket.write('12345'))
            count('corked', socket.write('é'))
            socket.uncork()
            count('uncorked')
            socket.write('last', () => {
              count('written')
              socket.end('end')
              count('ended')
            })
            process.nextTick(() => count('tick'))
            setImmediate(() => count('immediate'))
          }),
        request,
      )
      log(received.length, ...seen)
    }),
  )
}

test(
  'counters of a response and its socket',
  parity(async (http, log, tools) => {
    const ways = {
      'write, end': (res, count) => {
        count('write', res.write('part'))
        count('write', res.write('more'))
        res.end('end')
        count('end')
      },
      'a length, write, end': (res, count) => {
        res.writeHead(200, { 'Content-Length': 11, Date: 'x' })
        count('head')
        count('write', res.write('part'))
        count('write', res.write('more'))
        res.end('end')
        count('end')
      },
      flushHeaders: (res, count) => {
        res.flushHeaders()
        count('flushed')
        count('write', res.write('part'))
        setImmediate(() => {
          count('later')
          res.end()
          count('end')
        })
      },
      'write of 20 KB': (res, count) => {
        count('write', res.write(Buffer.alloc(20000)))
        process.nextTick(() => count('tick'))
        setImmediate(() => {
          count('later')
          res.end()
          count('end')
        })
      },
      'a length, write of 20 KB': (res, count) => {
        res.writeHead(200, { 'Content-Length': 20000, Date: 'x' })
        count('write', res.write(Buffer.alloc(20000)))
        process.nextTick(() => count('tick'))
        setImmediate(() => {
          count('later')
          res.end()
          count('end')
        })
      },
      'end of 100 KB': (res) => {
        res.end(Buffer.alloc(100000))
      },
      'corked by the program': (res, count) => {
        res.cork()
        count('cork')
        count('write', res.write('part'))
        count('write', res.write('more'))
        res.uncork()
        count('uncork')
        res.end()
        count('end')
      },
      'interim responses': (res, count) => {
        res.writeContinue()
        count('100')
        res.writeEarlyHints({ link: '</a>; rel=preload' })
        count('103')
        res.end()
        count('end')
      },
    }
    // Earlier ones do not count the framing of chunks that wait, and send what `end()` writes in several portions.
    const [major, minor] = process.versions.node.split('.').map(Number)
    const isEarly = major < 24 || (major === 24 && minor < 22)
    for (const [name, act] of Object.entries(ways)) {
      if (isEarly && ['write, end', 'corked by the program'].includes(name)) continue
      const { seen } = await exchange(
        http,
        tools,
        (server, see) =>
          server.on('request', (req, res) => {
            const { socket } = req
            const count = (label, ...more) => {
              const [length, size, needs, , written, read] = ofSocket(socket)
              see(label, length, size, needs, written, read, ...ofMessage(res).slice(0, 2), ...more)
            }
            res.setHeader('Connection', 'close')
            res.setHeader('Date', 'x')
            count('begun')
            res.on('finish', () => count('finish'))
            res.on('close', () => count('close'))
            socket.on('close', () => count('socket close'))
            req.on('end', () => count('request end')).resume()
            act(res, count)
          }),
        GET,
      )
      log(name, ...seen)
    }
  }),
)

test(
  'counters of a request and its socket',
  parity(async (http, log, tools) => {
    const server = http.createServer((req, res) => {
      res.setHeader('Date', 'x')
      req.resume().on('end', () => res.end('answer'))
    })
    const port = await tools.listen(server)
    const ways = {
      end: (req, count) => {
        req.end('body')
        count('end')
      },
      'write, end': (req, count) => {
        count('write', req.write('part'))
        req.end('end')
        count('end')
      },
      'write, later end': (req, count) => {
        count('write', req.write('part'))
        setImmediate(() => {
          count('later')
          count('write', req.write(Buffer.alloc(20000)))
          req.end('end')
          count('end')
        })
      },
    }
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    tools.after(() => agent.destroy())
    for (const [name, act] of Object.entries(ways)) {
      const seen = []
      await new Promise((resolve) => {
        const req = http.request({ port, agent, method: 'POST', headers: { Host: 'a' } })
        req.on('socket', (socket) => {
          let before
          const count = (label, ...more) => {
            const [length, size, needs, , written, read] = ofSocket(socket)
            before ??= [written, read]
            const message = ofMessage(req).slice(0, 2)
            seen.push([label, length, size, needs, written - before[0], read - before[1], ...message, ...more])
          }
          const begin = () => {
            count('socket')
            act(req, count)
            req.on('finish', () => count('finish'))
            req.on('response', (res) => {
              count('response')
              res.resume().on('end', () => count('end'))
            })
            req.on('close', () => {
              count('close')
              resolve()
            })
          }
          if (socket.connecting) socket.once('connect', begin)
          else begin()
        })
      })
      log(name, ...seen)
    }
  }),
)

test(
  'a peer that does not read: counters and drain',
  parity(async (http, log, tools) => {
    const BIG = 16 * 1024 * 1024
    const { received, seen } = await exchange(
      http,
      tools,
      (server, see) =>
        server.on('upgrade', (_, socket) => {
          const state = (label, ...more) =>
            see(label, socket.writableLength > 0, socket.bufferSize > 0, socket.writableNeedDrain, ...more)
          state('small', socket.write('small'))
          state('big', socket.write(Buffer.alloc(BIG, 'x')))
          see(socket.bytesWritten)
          state(
            'behind',
            socket.write('behind', () => state('behind is written')),
          )
          see(socket.bytesWritten)
          socket.on('drain', () => {
            state('drain')
            see(socket.bytesWritten)
            socket.end('end')
          })
        }),
      UPGRADE,
    )
    log(received, ...seen)
  }),
)
