// The same script on node:http's ServerResponse and on ours, over a Writable: same head, same bytes, same state.
const http = require('node:http')
const { Writable } = require('node:stream')
const { finished } = require('node:stream/promises')
const test = require('ava')
const ours = require('../../build/response.js')

const REQUEST = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {} }
const HEAD = { ...REQUEST, method: 'HEAD' }
const OLD = { ...REQUEST, httpVersionMinor: 0 }
const OLD_CHUNKED = { ...OLD, headers: { te: 'chunked' } }

const TEXTUAL = { toString: () => 'obj' }
const NODE_MAJOR = Number(process.versions.node.split('.')[0])

/** name, request, script, the first Node that does as Node 24 does */
const cases = [
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
]

async function transcript(ServerResponse, request, script) {
  const chunks = []
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      chunks.push(chunk)
      callback()
    },
  })
  const res = new ServerResponse(request)
  res.sendDate = false
  res.assignSocket(sink)
  let wrong = null
  try {
    script(res)
  } catch (error) {
    wrong = error.code ?? error.message
  }
  const state = {
    wrong,
    header: res._header,
    headersSent: res.headersSent,
    finished: res.finished,
    ended: res.writableEnded,
    last: res._last,
    keep: res.shouldKeepAlive,
    chunked: res.chunkedEncoding,
    hasBody: res._hasBody,
    length: res._contentLength,
    statusCode: res.statusCode,
    statusMessage: res.statusMessage,
    headers: Object.entries(res.getHeaders()),
    names: res.getRawHeaderNames(),
  }
  sink.end()
  await finished(sink)
  const wire = Buffer.concat(chunks).toString('latin1')
  const masked = (text) => text?.replace(/Date: [A-Z][a-z]{2}, [^\r]*GMT/, 'Date: …')
  return { ...state, header: masked(state.header), wire: NODE_MAJOR > 24 ? joinChunks(masked(wire)) : masked(wire) }
}

// Node 26 makes one chunk of writes in the same tick; what is compared there is the body.
function joinChunks(wire) {
  const bodyAt = wire.indexOf('\r\n\r\n', wire.search(/transfer-encoding: .*chunked/i)) + 4
  if (bodyAt < 4 || !/transfer-encoding: .*chunked/i.test(wire)) return wire
  let body = ''
  let rest = wire.slice(bodyAt)
  for (;;) {
    const size = Number.parseInt(rest, 16)
    if (!(size > 0)) return wire.slice(0, bodyAt) + body + rest
    const from = rest.indexOf('\r\n') + 2
    body += rest.slice(from, from + size)
    rest = rest.slice(from + size + 2)
  }
}

for (const [name, request, script, since = 0] of cases) {
  const check = NODE_MAJOR >= since ? test : test.skip
  check(name, async (t) => {
    const theirs = await transcript(http.ServerResponse, request, script)
    t.deepEqual(await transcript(ours.ServerResponse, request, script), theirs)
    t.not(theirs.wire, '')
  })
}
