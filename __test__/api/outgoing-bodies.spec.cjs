// Bodies and trailers of responses, beside node:http.
const { HEAD, REQUEST, compare } = require('./_outgoing-transcript.cjs')

compare([
  ['end without a body', REQUEST, (res) => res.end()],
  ['end with a string', REQUEST, (res) => res.end('hello')],
  ['end with a long string beyond ASCII', REQUEST, (res) => res.end('héllo wörld €'.repeat(20))],
  ['end with a short string beyond ASCII', REQUEST, (res) => res.end('é')],
  ['end with latin1', REQUEST, (res) => res.end('é', 'latin1')],
  ['end with hex', REQUEST, (res) => res.end('c3a9', 'hex')],
  ['end with utf16', REQUEST, (res) => res.end('ab', 'utf16le')],
  ['end with a Buffer', REQUEST, (res) => res.end(Buffer.from('hello'))],
  ['end with a Uint8Array', REQUEST, (res) => res.end(new Uint8Array([1, 2, 3]))],
  ['end with an empty string', REQUEST, (res) => res.end('')],
  ['end with an empty Uint8Array', REQUEST, (res) => res.end(new Uint8Array(0))],
  ['end with null', REQUEST, (res) => res.end(null)],
  [
    'write, then end',
    REQUEST,
    (res) => {
      res.write('a')
      res.write(Buffer.from('bc'))
      res.end()
    },
  ],
  [
    'write, then end with a body',
    REQUEST,
    (res) => {
      res.write('a')
      res.end('é')
    },
  ],
  [
    'write of nothing',
    REQUEST,
    (res) => {
      res.write('')
      res.end('x')
    },
  ],
  [
    'write with a length',
    REQUEST,
    (res) => {
      res.setHeader('Content-Length', 3)
      res.write('ab')
      res.end('c')
    },
  ],
  ['HEAD with a body', HEAD, (res) => res.end('hello')],
  [
    'HEAD with write',
    HEAD,
    (res) => {
      res.write('x')
      res.end()
    },
  ],
  ['HEAD without a body', HEAD, (res) => res.end()],
  [
    'HEAD with a length',
    HEAD,
    (res) => {
      res.setHeader('Content-Length', 7)
      res.end()
    },
  ],
  [
    '204',
    REQUEST,
    (res) => {
      res.statusCode = 204
      res.end('dropped')
    },
  ],
  [
    '304 with a length',
    REQUEST,
    (res) => {
      res.writeHead(304, { 'Content-Length': 5 })
      res.end()
    },
  ],
  [
    '204 with chunked asked for',
    REQUEST,
    (res) => {
      res.writeHead(204, { 'Transfer-Encoding': 'chunked' })
      res.end()
    },
  ],
  [
    '205 and 1xx as final status',
    REQUEST,
    (res) => {
      res.writeHead(150)
      res.end('x')
    },
  ],
  [
    'trailers',
    REQUEST,
    (res) => {
      res.writeHead(200, { Trailer: 'X' })
      res.write('a')
      res.addTrailers({ X: 'y', Z: ['1', '2'] })
      res.end('b')
    },
  ],
  [
    'trailers as pairs',
    REQUEST,
    (res) => {
      res.write('a')
      res.addTrailers([
        ['X', 'y'],
        ['X', 'z'],
      ])
      res.end()
    },
  ],
  [
    'trailers without chunks are dropped',
    REQUEST,
    (res) => {
      res.addTrailers({ X: 'y' })
      res.end('b')
    },
  ],
  [
    'Trailer announced, one body',
    REQUEST,
    (res) => {
      res.setHeader('Trailer', 'X')
      res.addTrailers({ X: 'y' })
      res.end('b')
    },
  ],
  [
    'obs-text with a UTF-8 body',
    REQUEST,
    (res) => {
      res.setHeader('X', 'é')
      res.end('hi')
    },
  ],
  [
    'obs-text with a latin1 body',
    REQUEST,
    (res) => {
      res.setHeader('X', 'é')
      res.end('hé', 'latin1')
    },
  ],
  [
    'obs-text with bytes',
    REQUEST,
    (res) => {
      res.setHeader('X', 'é')
      res.end(Buffer.from('hi'))
    },
  ],
  [
    'obs-text with chunks',
    REQUEST,
    (res) => {
      res.setHeader('X', 'é')
      res.write('hi')
      res.end()
    },
  ],
  [
    'obs-text without a body',
    REQUEST,
    (res) => {
      res.setHeader('X', 'é')
      res.end()
    },
  ],
  [
    'obs-text flushed',
    REQUEST,
    (res) => {
      res.setHeader('X', 'é')
      res.flushHeaders()
      res.end()
    },
  ],
  [
    'obs-text in a phrase',
    REQUEST,
    (res) => {
      res.writeHead(200, 'Tout à fait')
      res.end('x')
    },
  ],
  [
    'obs-text given to writeHead',
    REQUEST,
    (res) => {
      res.writeHead(200, { X: 'é'.repeat(40) })
      res.end('x')
    },
  ],
  [
    'Content-Disposition as UTF-8 bytes',
    REQUEST,
    (res) => {
      res.setHeader('Content-Disposition', Buffer.from('name="å€"').toString('latin1'))
      res.end('x')
    },
  ],
  [
    'Content-Disposition as UTF-8 bytes, chunked',
    REQUEST,
    (res) => {
      res.setHeader('Content-Disposition', Buffer.from('name="å€"').toString('latin1'))
      res.write('x')
      res.end()
    },
  ],
  [
    'a body in a 200 after strictContentLength',
    REQUEST,
    (res) => {
      res.strictContentLength = true
      res.setHeader('Content-Length', 2)
      res.write('a')
      res.end('b')
    },
  ],
  [
    'write after end is not sent',
    REQUEST,
    (res) => {
      res.on('error', () => {})
      res.end('x')
      res.write('y')
      res.end('z')
    },
  ],
  [
    'chunkedEncoding switched on by hand',
    REQUEST,
    (res) => {
      res.chunkedEncoding = true
      res.writeHead(200, { 'Content-Length': 1 })
      res.end('x')
    },
  ],
])
