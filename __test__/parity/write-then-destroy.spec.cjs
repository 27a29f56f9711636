'use strict'
// A message that is written to and destroyed in one turn: the bytes that its peer receives.
const test = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')
const { GET, exchange } = require('./_peer.cjs')

/** Writes to a response or a request. */
const WRITES = {
  nothing: () => {},
  write: (message) => message.write('hello'),
  'two writes': (message) => {
    message.write('hello')
    message.write('world')
  },
  'a large write': (message) => message.write(Buffer.alloc(100000, 'x')),
  'a small and a large write': (message) => {
    message.write('hello')
    message.write(Buffer.alloc(100000, 'x'))
  },
  flushHeaders: (message) => message.flushHeaders(),
  'flushHeaders, write': (message) => {
    message.flushHeaders()
    message.write('hello')
  },
  'write of a length': (message) => {
    message.setHeader('Content-Length', 10)
    message.write('hello')
  },
  'flushHeaders, write of a length': (message) => {
    message.setHeader('Content-Length', 10)
    message.flushHeaders()
    message.write('hello')
  },
  end: (message) => message.end('hello'),
  'write, end': (message) => {
    message.write('hello')
    message.end('world')
  },
  'end of 100 KB': (message) => message.end(Buffer.alloc(100000, 'x')),
  'cork, write': (message) => {
    message.cork()
    message.write('hello')
  },
  'cork, write, uncork': (message) => {
    message.cork()
    message.write('hello')
    message.uncork()
  },
  'write, raw': (message) => {
    message.write('hello')
    message.socket.write('raw')
  },
  'write of a length, raw': (message) => {
    message.setHeader('Content-Length', 10)
    message.write('hello')
    message.socket.write('raw')
  },
  'raw, write': (message) => {
    message.socket.write('raw')
    message.write('hello')
  },
}

/** Those of a response alone. */
const INTERIMS = {
  writeContinue: (res) => res.writeContinue(),
  'writeEarlyHints, write': (res) => {
    res.writeEarlyHints({ link: '</a>; rel=preload' })
    res.write('hello')
  },
  'a piped stream that fails': (res) => {
    const { Readable } = require('node:stream')
    const stream = new Readable({
      read() {
        this.push('hello')
        stream.destroy(new Error('stream'))
      },
    })
    stream.on('error', () => res.destroy())
    stream.pipe(res)
  },
}

const ENDS = {
  destroy: (message) => message.destroy(),
  'destroy with an error': (message) => message.destroy(new Error('over')),
  'socket.destroy': (message) => message.socket?.destroy(),
  'destroy in a tick': (message) => process.nextTick(() => message.destroy()),
  'destroy in a promise job': (message) => Promise.resolve().then(() => message.destroy()),
  'destroy in an immediate': (message) => setImmediate(() => message.destroy()),
}

for (const moment of ['at once', 'in an immediate', 'in a tick that was queued before']) {
  test(
    `a response, ${moment}`,
    parity(async (http, log, tools) => {
      for (const [writes, write] of Object.entries({ ...WRITES, ...INTERIMS })) {
        for (const [ends, end] of Object.entries(ENDS)) {
          // An answer that has been sent is destroyed without its connection.
          if (ends.includes(' in ') && (moment !== 'at once' || writes.includes('end'))) continue
          const { received, seen } = await exchange(
            http,
            tools,
            (server, see) =>
              server.on('request', (req, res) => {
                res.on('error', (error) => see('error', error.code ?? error.message))
                res.on('finish', () => see('finish'))
                res.on('close', () => see('close', res.writableFinished))
                const act = () => {
                  if (moment.startsWith('in a tick')) process.nextTick(end, res)
                  write(res)
                  if (!moment.startsWith('in a tick')) end(res)
                }
                if (moment === 'in an immediate') setImmediate(act)
                else act()
              }),
            GET,
          )
          log(writes, ends, received, ...seen)
        }
      }
    }),
  )
}

test(
  'a request on an open connection',
  parity(async (http, log, tools) => {
    for (const [writes, write] of Object.entries(WRITES)) {
      for (const [ends, end] of Object.entries(ENDS)) {
        const net = require('node:net')
        let received = ''
        let closed
        const server = net.createServer((socket) => {
          closed = new Promise((resolve) => socket.on('close', resolve))
          socket.on('error', () => {})
          socket.once('data', () => {
            socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
            socket.on('data', (data) => {
              received += data.toString('latin1')
            })
          })
        })
        const port = await tools.listen(server)
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
        const first = http.get({ port, agent })
        const [res] = await tools.until(first, 'response')
        res.resume()
        await tools.until(res, 'close')
        await new Promise(setImmediate)
        const seen = []
        const req = http.request({ port, agent, method: 'POST' })
        req.on('error', (error) => seen.push(['error', error.code ?? error.message]))
        req.on('finish', () => seen.push(['finish']))
        const over = new Promise((resolve) => req.on('close', resolve))
        await new Promise((resolve) => req.on('socket', () => setImmediate(resolve)))
        write(req)
        end(req)
        await over
        agent.destroy()
        await closed
        log(writes, ends, received.replaceAll(String(port), '<port>').replace(/(.)\1{99,}/g, '<many>'), ...seen)
      }
    }
  }),
)
