'use strict'
// The messages that a server and a client accept with and without `insecureHTTPParser`: the same as Node's.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Each ends the exchange by its length or by the peer's end. */
const REQUESTS = {
  'an asterisk for POST': 'POST * HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
  'more spaces in the request line': 'GET  /   HTTP/1.1\r\nHost: a\r\n\r\n',
  'two users': 'GET http://a@b@c/ HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/2.0 spelled out': 'GET / HTTP/2.0\r\n\r\n',
  'HTTP/3.7': 'GET / HTTP/3.7\r\nHost: a\r\n\r\n',
  'keep-alive and close in HTTP/1.0': 'GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n',
  'bare LF for all line ends': 'GET / HTTP/1.1\nHost: a\nX: b\n\n',
  'bare CR after an empty value': 'GET / HTTP/1.1\r\nHost: a\r\nX:\rY: b\r\n\r\n',
  'bare CR after a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n',
  'a CR before a field': 'GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n',
  'a folded value': 'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\td \r\n\r\n',
  'a NUL in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n',
  'a control character in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: b\x01c\r\n\r\n',
  'a space before the colon of a length': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\nhi',
  'a space before the colon of another field': 'GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n',
  'a space before the first field': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
  'a length and chunks': `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
  'two lengths': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi',
  'a length that is none': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi',
  'chunked is not last': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'chunked twice': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'chunked in quotes': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a tab before chunked': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip,\tchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a tab after chunked': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'no coding': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'chunks of LF lines': `${CHUNKED}2\nhi\n0\n\n`,
  'a last chunk of LF lines': `${CHUNKED}2\r\nhi\r\n0\n\n`,
  'chunks without a line end after them': `${CHUNKED}2\r\nhi0\r\n\r\n`,
  'CR alone in the last chunk': `${CHUNKED}2\r\nhi\r\n0\r\rX`,
  'spaces after a chunk size': `${CHUNKED}2 \t\r\nhi\r\n0\r\n\r\n`,
  'empty chunk extensions': `${CHUNKED}2;;a=;="b"\r\nhi\r\n0\r\n\r\n`,
  'a length in trailers': `${CHUNKED}0\r\nContent-Length: 5\r\n\r\n`,
  'close in trailers': `${CHUNKED}0\r\nConnection: close\r\n\r\n`,
  'CONNECT without a port': 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT with a URL': 'CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
}

/** Cases in which the answer differs, see COMPATIBILITY.md. */
const LASTING = new Set([
  'a CR before a field',
  'a tab after chunked',
  'chunked in quotes',
  'chunked is not last',
  'CR alone in the last chunk',
])

const RESPONSES = {
  'a tab before chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\tchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a quote before chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: x"a,chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'chunks that are cut off, after a tab': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\tchunked\r\n\r\n2\r\nhi\r\n',
  'chunked is not last': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a length and chunks':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'bare LF for all line ends': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi',
  'an interim response of HTTP/1.0': 'HTTP/1.0 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  'an interim response that closes':
    'HTTP/1.1 103 Early\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a coding in trailers':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n',
  'an unknown version': 'HTTP/3.4 200 OK\r\nContent-Length: 2\r\n\r\nhi',
}

for (const insecure of [false, true]) {
  const mode = insecure ? 'lenient' : 'strict'
  for (const [title, request] of Object.entries(REQUESTS)) {
    on24(
      `a ${mode} server: ${title}`,
      parity((http, log, tools) => serve(http, log, tools, { insecure, request, lasting: LASTING.has(title) })),
    )
  }
  for (const road of ['native', 'compatible']) {
    for (const [title, response] of Object.entries(RESPONSES)) {
      on24(
        `a ${mode} client, ${road}: ${title}`,
        parity((http, log, tools) => ask(http, log, tools, { insecure, response, road }), { nativeOnly: true }),
      )
    }
  }
}

async function serve(http, log, { listen, connect }, { insecure, request, lasting }) {
  const closed = []
  const server = http.createServer({ insecureHTTPParser: insecure }, (message, response) => {
    const { method, url, httpVersion, rawHeaders } = message
    log(method, url, httpVersion, rawHeaders)
    closed.push(new Promise((resolve) => message.on('close', resolve)))
    let body = ''
    message.setEncoding('latin1').on('data', (part) => {
      body += part
    })
    message.on('error', (error) => log('error', error.code))
    message.on('end', () => log('end', body, message.rawTrailers))
    response.sendDate = false
    message.on('end', () => response.end(body))
  })
  server.on('clientError', ({ code, reason, bytesParsed }, socket) => {
    log('clientError', code, reason, bytesParsed)
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  const port = await listen(server)
  const client = await connect(port)
  client.socket.end(request, 'latin1')
  await client.closed
  for (const each of closed) await each
  // What lasts until the peer's end is answered here; Node has ended its side by then. And what follows a good request
  // may be refused before that is answered there.
  if (!lasting) log(client.received)
}

async function ask(http, log, { listen }, { insecure, response, road }) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(response))
  })
  const port = await listen(server)
  const options = { host: '127.0.0.1', port, insecureHTTPParser: insecure }
  if (road === 'compatible') options.createConnection = () => net.connect(port, '127.0.0.1')
  const request = http.get(options)
  const closed = [new Promise((resolve) => request.on('close', resolve))]
  request.on('information', ({ statusCode }) => log('information', statusCode))
  request.on('error', ({ code, message }) => log('request error', code, message))
  request.on('response', (message) => {
    log(message.statusCode, message.httpVersion, message.rawHeaders)
    let body = ''
    message.setEncoding('latin1').on('data', (part) => {
      body += part
    })
    message.on('error', ({ code, message }) => log('response error', code, message))
    message.on('end', () => log('end', body, message.rawTrailers))
    closed.push(new Promise((resolve) => message.on('close', () => resolve(log('complete', message.complete)))))
  })
  for (let i = 0; i < closed.length; i++) await closed[i]
}
