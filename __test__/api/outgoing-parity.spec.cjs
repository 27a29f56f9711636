// Heads of responses, beside node:http.
const { OLD, OLD_CHUNKED, REQUEST, compare } = require('./_outgoing-transcript.cjs')

const TEXTUAL = { toString: () => 'obj' }

compare([
  ['HTTP/1.0', OLD, (res) => res.end('hello')],
  [
    'HTTP/1.0 with write',
    OLD,
    (res) => {
      res.write('a')
      res.end('b')
    },
  ],
  [
    'HTTP/1.0 with TE: chunked',
    OLD_CHUNKED,
    (res) => {
      res.write('a')
      res.end('b')
    },
  ],
  [
    'HTTP/1.0 kept alive',
    OLD,
    (res) => {
      res.shouldKeepAlive = true
      res.setHeader('Content-Length', 1)
      res.end('b')
    },
  ],
  [
    'HTTP/1.0 kept alive without a length',
    OLD,
    (res) => {
      res.shouldKeepAlive = true
      res.end('b')
    },
  ],
  [
    'keep-alive timeout',
    REQUEST,
    (res) => {
      res._keepAliveTimeout = 5000
      res.end('x')
    },
  ],
  [
    'keep-alive timeout below a second',
    REQUEST,
    (res) => {
      res._keepAliveTimeout = 999
      res.end('x')
    },
  ],
  [
    'keep-alive max',
    REQUEST,
    (res) => {
      res._keepAliveTimeout = 5000
      res._maxRequestsPerSocket = 3
      res.end('x')
    },
  ],
  [
    'last request of a connection',
    REQUEST,
    (res) => {
      res._keepAliveTimeout = 5000
      res.maxRequestsOnConnectionReached = true
      res.end('x')
    },
  ],
  [
    'own Keep-Alive',
    REQUEST,
    (res) => {
      res._keepAliveTimeout = 5000
      res.setHeader('Keep-Alive', 'timeout=1')
      res.end('x')
    },
  ],
  [
    'Connection: close set',
    REQUEST,
    (res) => {
      res.setHeader('connection', 'close')
      res.end('x')
    },
  ],
  [
    'Connection: close in a list',
    REQUEST,
    (res) => {
      res.setHeader('connection', 'x-a, Close')
      res.end('x')
    },
  ],
  [
    'Connection: keep-alive set',
    OLD,
    (res) => {
      res.setHeader('Connection', 'keep-alive')
      res.end('x')
    },
  ],
  [
    'no keep-alive',
    REQUEST,
    (res) => {
      res.shouldKeepAlive = false
      res.end('x')
    },
  ],
  [
    'Connection removed',
    REQUEST,
    (res) => {
      res.removeHeader('connection')
      res.end('x')
    },
  ],
  [
    'Connection removed, not kept',
    REQUEST,
    (res) => {
      res.shouldKeepAlive = false
      res.removeHeader('connection')
      res.end('x')
    },
  ],
  [
    'Connection removed and set again',
    REQUEST,
    (res) => {
      res.removeHeader('connection')
      res.setHeader('connection', 'keep-alive')
      res.end('x')
    },
  ],
  [
    'Content-Length removed',
    REQUEST,
    (res) => {
      res.removeHeader('content-length')
      res.end('x')
    },
  ],
  [
    'Content-Length and Transfer-Encoding removed',
    REQUEST,
    (res) => {
      res.removeHeader('content-length')
      res.removeHeader('transfer-encoding')
      res.end('x')
    },
  ],
  [
    'Transfer-Encoding removed, written',
    REQUEST,
    (res) => {
      res.removeHeader('transfer-encoding')
      res.write('x')
      res.end('y')
    },
  ],
  [
    'Transfer-Encoding set',
    REQUEST,
    (res) => {
      res.setHeader('Transfer-Encoding', 'chunked')
      res.end('x')
    },
  ],
  [
    'Transfer-Encoding: gzip, chunked',
    REQUEST,
    (res) => {
      res.setHeader('Transfer-Encoding', 'gzip, chunked')
      res.end('x')
    },
  ],
  [
    'Transfer-Encoding: identity',
    REQUEST,
    (res) => {
      res.setHeader('Transfer-Encoding', 'identity')
      res.end('x')
    },
  ],
  [
    'own Date',
    REQUEST,
    (res) => {
      res.sendDate = true
      res.setHeader('Date', 'today')
      res.end('x')
    },
  ],
  [
    'Date removed',
    REQUEST,
    (res) => {
      res.sendDate = true
      res.removeHeader('date')
      res.end('x')
    },
  ],
  [
    'automatic Date',
    REQUEST,
    (res) => {
      res.sendDate = true
      res._keepAliveTimeout = 5000
      res.end('x')
    },
  ],
  [
    'automatic Date with own Connection',
    REQUEST,
    (res) => {
      res.sendDate = true
      res.setHeader('Connection', 'keep-alive')
      res.end('x')
    },
  ],
  [
    'useChunkedEncodingByDefault off',
    REQUEST,
    (res) => {
      res.useChunkedEncodingByDefault = false
      res.write('x')
      res.end()
    },
  ],
  [
    'set headers in order, replaced in place',
    REQUEST,
    (res) => {
      res.setHeader('B', 1).setHeader('A', 'x').setHeader('c', ['1', '2'])
      res.setHeader('b', 'again')
      res.removeHeader('A')
      res.setHeader('a', 'y')
      res.end()
    },
  ],
  [
    'cookies',
    REQUEST,
    (res) => {
      res.setHeader('Set-Cookie', ['a=1', 'b=2'])
      res.setHeader('Cookie', ['a=1', 'b=2'])
      res.end()
    },
  ],
  [
    'an empty array',
    REQUEST,
    (res) => {
      res.setHeader('Connection', [])
      res.setHeader('X', [])
      res.end()
    },
  ],
  [
    'values of other types',
    REQUEST,
    (res) => {
      res.setHeader('n', 0)
      res.setHeader('b', false)
      res.setHeader('u', null)
      res.setHeader('o', TEXTUAL)
      res.end()
    },
  ],
  [
    'appendHeader',
    REQUEST,
    (res) => {
      res.appendHeader('X', 'a')
      res.appendHeader('x', ['b', 'c'])
      res.appendHeader('X', 'd')
      res.end()
    },
  ],
  [
    'setHeaders from a Map',
    REQUEST,
    (res) => {
      res.setHeaders(
        new Map([
          ['X', '1'],
          ['Y', ['2', '3']],
        ]),
      )
      res.end()
    },
  ],
  [
    'setHeaders from Headers',
    REQUEST,
    (res) => {
      res.setHeaders(
        new Headers([
          ['set-cookie', 'a'],
          ['x', '1'],
          ['set-cookie', 'b'],
        ]),
      )
      res.end()
    },
  ],
  [
    'writeHead with an object',
    REQUEST,
    (res) => {
      res.writeHead(201, { A: 'b', 'Content-Length': '2' })
      res.end('xy')
    },
  ],
  [
    'writeHead with a phrase',
    REQUEST,
    (res) => {
      res.writeHead(200, 'Fine', { A: 'b' })
      res.end('xy')
    },
  ],
  [
    'writeHead with an empty phrase',
    REQUEST,
    (res) => {
      res.writeHead(404, '')
      res.end()
    },
  ],
  [
    'writeHead with a phrase set',
    REQUEST,
    (res) => {
      res.statusMessage = 'Set'
      res.writeHead(500)
      res.end()
    },
  ],
  [
    'writeHead with an unknown status',
    REQUEST,
    (res) => {
      res.writeHead(299)
      res.end()
    },
  ],
  [
    'writeHead with a numeric string',
    REQUEST,
    (res) => {
      res.writeHead('202')
      res.end()
    },
  ],
  [
    'writeHead with a flat array',
    REQUEST,
    (res) => {
      res.writeHead(200, ['A', '1', 'a', '2', 'B', ['3', '4']])
      res.end('x')
    },
  ],
  [
    'writeHead with pairs',
    REQUEST,
    (res) => {
      res.writeHead(200, [
        ['A', '1'],
        ['a', '2'],
      ])
      res.end('x')
    },
  ],
  [
    'writeHead with undefined before headers',
    REQUEST,
    (res) => {
      res.writeHead(200, undefined, { A: '1' })
      res.end('x')
    },
  ],
  [
    'writeHead over set headers',
    REQUEST,
    (res) => {
      res.setHeader('A', '0')
      res.setHeader('Z', 'z')
      res.writeHead(200, { a: '1', B: '2' })
      res.end('x')
    },
  ],
  [
    'writeHead with an array over set headers',
    REQUEST,
    (res) => {
      res.setHeader('A', '0')
      res.setHeader('Z', 'z')
      res.writeHead(200, ['a', '1', 'A', '2', 'B', '3'])
      res.end('x')
    },
    22,
  ],
  [
    'writeHead with Connection',
    REQUEST,
    (res) => {
      res.writeHead(200, { Connection: 'close' })
      res.end('x')
    },
  ],
  [
    'writeHead with chunked',
    REQUEST,
    (res) => {
      res.writeHead(200, { 'transfer-encoding': 'chunked' })
      res.end('x')
    },
  ],
  [
    'writeHead with many repeated cookies',
    REQUEST,
    (res) => {
      res.writeHead(200, { 'set-cookie': ['a', 'b'] })
      res.end('x')
    },
  ],
  [
    'flushHeaders',
    REQUEST,
    (res) => {
      res.flushHeaders()
      res.end('x')
    },
  ],
  [
    'flushHeaders, then nothing',
    REQUEST,
    (res) => {
      res.flushHeaders()
      res.end()
    },
  ],
  [
    'interim responses',
    REQUEST,
    (res) => {
      res.writeContinue()
      res.writeProcessing()
      res.writeEarlyHints({ link: ['</a>; rel=preload', '</b>'], 'x-y': 'z' })
      res.end('x')
    },
  ],
  [
    'early hints without a link',
    REQUEST,
    (res) => {
      res.writeEarlyHints({ x: 'y' })
      res.writeEarlyHints({ link: [] })
      res.end()
    },
  ],
  [
    'expectation not met',
    REQUEST,
    (res) => {
      res._expect_continue = true
      res.end('x')
    },
  ],
  [
    'expectation met',
    REQUEST,
    (res) => {
      res._expect_continue = true
      res.writeContinue()
      res.end('x')
    },
  ],
])
