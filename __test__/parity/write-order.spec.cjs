'use strict'
// The order of all bytes of a connection: parts of responses, interim responses, and bytes that the program writes itself.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')
const { GET, exchange } = require('./_peer.cjs')

const CLOSING = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const PIPELINED = [1, 2, 3]
  .map((n) => `GET /${n} HTTP/1.1\r\nHost: a\r\n${n === 3 ? 'Connection: close\r\n' : ''}\r\n`)
  .join('')
const HINTS = 'HTTP/1.1 103 Early Hints\r\n\r\n'

/** Before 24.22 Node sends chunks of a corked message after the last one when `end()` uncorks it. */
const MISPLACES_CHUNKS = (() => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major < 24 || (major === 24 && minor < 22)
})()

/** Handlers of a request; `raw` writes to its socket. */
const MIXED = {
  'write, raw, end': (res, raw) => {
    res.write('one,')
    raw('4\r\ntwo,\r\n')
    res.end('three')
  },
  'write, raw, raw, write, raw, end': (res, raw) => {
    res.write('one,')
    raw('1\r\na\r\n')
    raw('1\r\nb\r\n')
    res.write('two')
    raw('1\r\nc\r\n')
    res.end()
  },
  'with a length: write, raw, write, raw, end': (res, raw) => {
    res.writeHead(200, { 'Content-Length': 10 })
    res.write('ab')
    raw('cd')
    res.write('ef')
    raw('gh')
    res.end('ij')
  },
  'flushHeaders, raw, end': (res, raw) => {
    res.setHeader('Content-Length', 6)
    res.flushHeaders()
    raw('raw')
    res.end('end')
  },
  'writeHead, raw, end': (res, raw) => {
    res.writeHead(200, { 'Content-Length': 3 })
    raw(HINTS)
    res.end('end')
  },
  'raw, end': (res, raw) => {
    raw(HINTS)
    res.end('end')
  },
  'raw twice, end': (res, raw) => {
    raw(HINTS)
    raw(HINTS)
    res.end('end')
  },
  'raw, writeProcessing, raw, writeEarlyHints, raw, writeContinue, end': (res, raw) => {
    raw(HINTS)
    res.writeProcessing()
    raw('HTTP/1.1 199 A\r\n\r\n')
    res.writeEarlyHints({ link: '</a>; rel=preload' })
    raw('HTTP/1.1 198 B\r\n\r\n')
    res.writeContinue()
    res.end('end')
  },
  'interim responses, writeHead, raw': (res, raw) => {
    res.writeContinue()
    res.writeProcessing()
    res.writeHead(200, { 'Content-Length': 3 })
    raw(HINTS)
    res.end('end')
  },
  'end, raw': (res, raw) => {
    res.end('end')
    raw('behind')
  },
  'writes, end, raw': (res, raw) => {
    res.write('a')
    res.write('b')
    res.end('end')
    raw('behind')
  },
  'write, raw in a tick, end in an immediate': (res, raw) => {
    res.write('one,')
    process.nextTick(raw, '4\r\ntwo,\r\n')
    setImmediate(() => res.end('three'))
  },
  'write, raw in a promise job, end in a promise job': async (res, raw) => {
    res.write('one,')
    await null
    raw('4\r\ntwo,\r\n')
    await null
    res.end('three')
  },
  'write, raw in an immediate, write, end': (res, raw) => {
    res.write('one,')
    setImmediate(() => {
      raw('4\r\ntwo,\r\n')
      res.write('three')
      raw('1\r\n!\r\n')
      res.end()
    })
  },
  'a large write, raw, a large end': (res, raw) => {
    res.write(Buffer.alloc(100000, 'a'))
    raw(`186a0\r\n${'b'.repeat(100000)}\r\n`)
    res.end(Buffer.alloc(100000, 'c'))
  },
  'res.cork, writes, raw, uncork, end': (res, raw) => {
    res.cork()
    res.write('one,')
    raw('1\r\na\r\n')
    res.write('two')
    res.uncork()
    raw('1\r\nb\r\n')
    res.end()
  },
  'res.cork, writes, raw, end': (res, raw) => {
    res.cork()
    res.write('one,')
    raw('1\r\na\r\n')
    res.end('two')
  },
  'res.cork with a length': (res, raw) => {
    res.writeHead(200, { 'Content-Length': 6 })
    res.cork()
    res.write('ab')
    raw('cd')
    res.write('ef')
    setImmediate(() => {
      res.uncork()
      res.end()
    })
  },
  'socket.cork, write, raw, end, uncork': (res, raw) => {
    res.socket.cork()
    res.write('one,')
    raw('1\r\na\r\n')
    res.end('two')
    res.socket?.uncork()
  },
  'socket.cork, write, raw, uncork later, end': (res, raw) => {
    const { socket } = res
    socket.cork()
    res.write('one,')
    raw('1\r\na\r\n')
    setImmediate(() => {
      res.write('two')
      socket.uncork()
      res.end()
    })
  },
  'socket.cork around a whole response': (res, raw) => {
    const { socket } = res
    socket.cork()
    raw(HINTS)
    res.writeHead(200, { 'Content-Length': 3 })
    res.end('end')
    raw('behind')
    socket.uncork()
  },
  'uncork too often': (res, raw) => {
    const { socket } = res
    res.write('one,')
    res.uncork()
    socket.uncork()
    socket.uncork()
    raw('1\r\na\r\n')
    res.end('two')
  },
  'raw by _writeRaw and _send': (res) => {
    res._send('head?')
    res._writeRaw('1\r\na\r\n')
    res.end('two')
  },
  'raw empty': (res, raw) => {
    raw('')
    res.write('one')
    raw('')
    res.end('two')
    raw('')
  },
}

if (MISPLACES_CHUNKS) {
  delete MIXED['res.cork, writes, raw, end']
  delete MIXED['uncork too often']
}

for (const [how, last] of [
  ['that close', CLOSING],
  ['that keep', GET],
]) {
  test(
    `parts of responses ${how} the connection, and bytes that the program writes itself`,
    parity(async (http, log, tools) => {
      for (const [name, handle] of Object.entries(MIXED)) {
        // The connection's last response ends it; see docs/COMPATIBILITY.md.
        if (last === CLOSING && name.endsWith('end, raw')) continue
        const { received, seen } = await exchange(
          http,
          tools,
          (server, see) => {
            server.on('request', (req, res) => {
              const { socket } = req
              res.on('error', (error) => see('response error', error.code))
              res.on('close', () => {
                see('close', res.writableFinished, res.destroyed)
                if (last === GET) setImmediate(() => socket.end('[end]'))
              })
              handle(res, (bytes) => socket.write(bytes))
            })
          },
          last,
        )
        log(name, received, seen)
      }
    }),
  )
}

test(
  'pipelined requests: bytes that the program writes while it answers the first one',
  parity(async (http, log, tools) => {
    for (const [name, handle] of Object.entries(MIXED)) {
      const { received, seen } = await exchange(
        http,
        tools,
        (server, see) => {
          server.on('request', (req, res) => {
            if (req.url !== '/1') return res.end(`answer to ${req.url}`)
            res.on('close', () => see('close', res.writableFinished))
            res.on('finish', () => see('finish'))
            res.on('error', (error) => see('response error', error.code))
            handle(res, (bytes) => req.socket.write(bytes))
          })
        },
        PIPELINED,
      )
      log(name, received, seen)
    }
  }),
)

test(
  'answers to pipelined requests, sent in any order, with interim responses',
  parity(async (http, log, tools) => {
    for (const order of [
      [1, 2, 3],
      [3, 2, 1],
      [2, 3, 1],
      [3, 1, 2],
    ]) {
      const waiting = new Map()
      const { received, seen } = await exchange(
        http,
        tools,
        (server, see) => {
          server.on('request', (req, res) => {
            const n = Number(req.url.slice(1))
            res.on('finish', () => see(n))
            waiting.set(n, res)
            if (waiting.size < 3) return
            for (const each of order) {
              const response = waiting.get(each)
              response.writeEarlyHints({ link: `</${each}>; rel=preload` })
              response.writeHead(200, { 'Content-Length': 8 })
              response.write(`${each},`)
              response.write(`${each},`, () => see('written', each))
              response.end(`${each}end`)
            }
          })
        },
        PIPELINED,
      )
      log(order, received, seen)
    }
  }),
)

for (const how of ['end', 'destroySoon'])
  for (const headers of [{}, { 'Content-Length': 10 }])
    test(
      `bytes that were written before the socket's ${how}(), ${JSON.stringify(headers)}`,
      parity(async (http, log, { listen, raw }) => {
        const server = http.createServer((_req, res) => {
          res.sendDate = false
          res.writeHead(200, headers)
          res.write('begun')
          res.socket[how]()
        })
        log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
      }),
    )
