'use strict'
// The position in an error of the parser: `bytesParsed` and `rawPacket` are those of the piece with the invalid byte.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const REQUESTS = {
  'fields too large, in one piece': [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  'fields too large, in the second piece': ['GET / HTTP/1.1\r\nHost: a\r\nX: xx', `${'y'.repeat(20_000)}\r\n\r\n`],
  'fields too large, by two pieces': [
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(10_000)}`,
    `${'y'.repeat(10_000)}\r\n\r\n`,
  ],
  'fields too large, by three pieces': [
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(10_000)}`,
    'y'.repeat(5000),
    `${'z'.repeat(5000)}\r\n\r\n`,
  ],
  'fields too large and not ended': [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}`],
  'a name too large': [`GET / HTTP/1.1\r\nHost: a\r\n${'x'.repeat(20_000)}: y\r\n\r\n`],
  'a target too large, by two pieces': [`GET /${'u'.repeat(10_000)}`, `${'v'.repeat(10_000)} HTTP/1.1\r\n\r\n`],
  'chunk extensions too large, by two pieces': [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(10_000)}`,
    `${'y'.repeat(10_000)}\r\nh\r\n0\r\n\r\n`,
  ],
  'nonsense at once': ['GET / HTTP/1.1\r\nHost: a\r\nbad header line\r\n\r\n'],
  'nonsense in the second piece': ['GET / HTTP/1.1\r\nHost: a\r\n', 'bad header line\r\n\r\n'],
  'nonsense in a pipelined request': [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHo',
    'st: a\r\nbad header line\r\n\r\n',
  ],
  'a bad length before its line ends': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1', 'x'],
  'a second length': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n', 'Content-Length: 1'],
  'a coding after a length': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n', 'Transfer-Encoding:'],
  'a bad chunk': ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe', 'llo\r\nx\r\n'],
  'a bad trailer': ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b', 'c\r\nbad line\r\n'],
}

const RESPONSES = {
  'nonsense in the second piece': ['HTTP/1.1 200 OK\r\nA: ', 'b\r\nbad line\r\n\r\n'],
  'a bad chunk': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe', 'llo\r\nx'],
  'fields too large, by two pieces': [`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(10_000)}`, `${'y'.repeat(10_000)}\r\n\r\n`],
  'a reason too large': [`HTTP/1.1 200 ${'x'.repeat(20_000)}\r\n\r\n`],
  'a bad length before its line ends': ['HTTP/1.1 200 OK\r\nContent-Length: 1', 'x'],
  'an interim response that closes, and another': [
    'HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n',
    '\r\nHTTP/1.1 200 OK',
  ],
  'an interim response of HTTP/1.0, and another': ['HTTP/1.0 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
}

for (const [title, pieces] of Object.entries(REQUESTS)) {
  on24(
    `requests: ${title}`,
    parity((http, log, tools) => serve(http, log, tools, pieces)),
  )
}

for (const road of ['native', 'compatible']) {
  for (const [title, pieces] of Object.entries(RESPONSES)) {
    on24(
      `responses, ${road}: ${title}`,
      parity((http, log, tools) => ask(http, log, tools, road, pieces), { nativeOnly: true }),
    )
  }
}

async function serve(http, log, { listen, after }, pieces) {
  const server = http.createServer((request) => request.on('error', () => {}).resume())
  const failed = new Promise((resolve) => {
    server.on('clientError', (error, socket) => {
      const { code, reason, bytesParsed, rawPacket } = error
      log(code, reason, bytesParsed, rawPacket.length, rawPacket.toString('latin1').slice(0, 40))
      socket.destroy()
      resolve()
    })
  })
  const accepted = new Promise((resolve) => server.on('connection', resolve))
  const port = await listen(server)
  const client = net.connect(port, '127.0.0.1').on('error', () => {})
  after(() => client.destroy())
  const socket = await accepted
  let sent = 0
  for (const [i, piece] of pieces.entries()) {
    client.write(piece)
    sent += piece.length
    // The next piece is to be a read of its own.
    while (i + 1 < pieces.length && socket.bytesRead < sent) await new Promise(setImmediate)
  }
  await failed
}

async function ask(http, log, { listen, after }, road, pieces) {
  let resolveSocket
  const connected = new Promise((resolve) => {
    resolveSocket = resolve
  })
  const server = net.createServer((socket) => {
    after(() => socket.destroy())
    socket.on('error', () => {})
    socket.once('data', async () => {
      const client = await connected
      let sent = 0
      for (const piece of pieces) {
        socket.write(piece)
        sent += piece.length
        while (client.bytesRead < sent && !client.destroyed) await new Promise(setImmediate)
      }
    })
  })
  const port = await listen(server)
  const options = { host: '127.0.0.1', port }
  if (road === 'compatible') options.createConnection = () => net.connect(port, '127.0.0.1')
  const request = http.get(options)
  request.on('socket', resolveSocket)
  request.on('information', ({ statusCode }) => log('information', statusCode))
  const failed = (who, error) => {
    const { code, reason, bytesParsed, rawPacket } = error
    log(who, code, reason, bytesParsed, rawPacket?.length, rawPacket?.toString('latin1').slice(0, 40))
  }
  const closed = [new Promise((resolve) => request.on('close', resolve))]
  request.on('error', (error) => failed('request', error))
  request.on('response', (response) => {
    closed.push(new Promise((resolve) => response.on('close', resolve)))
    response.on('error', (error) => failed('response', error)).resume()
  })
  for (let i = 0; i < closed.length; i++) await closed[i]
}
