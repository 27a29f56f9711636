'use strict'
// The orders of events that the documentation lists under http.request, and those around them.
// Calls `exchange(title, script)` for each.

const OK = 'HTTP/1.1 200 OK\r\n'
const HI = `${OK}Content-Length: 2\r\n\r\nhi`

module.exports = (exchange) => {
  exchange('a response with a body', { answer: HI })
  exchange('a response without a listener for its data', {
    answer: HI,
    respond: (response) => response.on('close', () => {}).resume(),
  })
  exchange('a connection of its own', {
    answer: `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nhi`,
    options: { agent: null },
  })
  exchange('a server that closes the connection', { answer: `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nhi` })
  exchange('a body in chunks, with trailers', {
    answer: `${OK}Transfer-Encoding: chunked\r\nTrailer: x\r\n\r\n2\r\nhi\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n`,
  })
  exchange('a body until the connection closes', { answer: (socket) => socket.end(`${OK}\r\nabc`) })
  exchange('a response of HTTP/1.0', { answer: (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nabc') })
  exchange('a response of HTTP/1.0 that keeps the connection', {
    answer: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc',
  })
  exchange('a status line without a reason', { answer: 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi' })
  exchange('HEAD', { answer: `${OK}Content-Length: 2\r\n\r\n`, options: { method: 'HEAD' } })
  exchange('204', { answer: 'HTTP/1.1 204 No Content\r\n\r\n' })
  exchange('304 with a length', { answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n' })
  exchange('POST', { answer: HI, options: { method: 'POST' }, body: 'hello' })

  exchange('interim responses', {
    answer: `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${HI}`,
  })
  exchange('100-continue', {
    answer: (socket, request, number) => socket.write(number === 1 ? 'HTTP/1.1 100 Continue\r\n\r\n' : HI),
    options: { method: 'POST', headers: { Expect: '100-continue', 'Content-Length': 4 } },
    manual: true,
    act: (request) => request.on('continue', () => request.end('\r\n\r\n')),
  })
  exchange('a response before the request has ended', {
    answer: HI,
    options: { method: 'POST' },
    manual: true,
    act: (request) => {
      request.write('a')
      request.on('response', (response) => response.on('close', () => request.end('b')))
    },
  })
  exchange('a response that ends the connection before the request has ended', {
    answer: `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nhi`,
    options: { method: 'POST' },
    manual: true,
    act: (request) => request.write('a'),
  })
  exchange('flushHeaders', {
    answer: HI,
    manual: true,
    act: (request) => {
      request.flushHeaders()
      request.on('response', () => request.end())
    },
  })
  exchange('callbacks of write and end', {
    answer: HI,
    options: { method: 'POST', headers: { 'Content-Length': 2 } },
    manual: true,
    act: (request, log) => {
      request.write('a', () => log('write'))
      request.write('', () => log('empty write'))
      request.end('z', () => log('end', request.writableFinished))
    },
  })

  exchange('nobody listens', { answer: HI, options: { port: 1 } })
  exchange('a connection that is closed without an answer', { answer: (socket) => socket.destroy() })
  exchange('FIN without an answer', { answer: (socket) => socket.end() })
  exchange('RST without an answer', { answer: (socket) => socket.resetAndDestroy() })
  exchange('FIN within the head', { answer: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-') })
  exchange('FIN within the body', {
    answer: (socket) => socket.write(`${OK}Content-Length: 10\r\n\r\nabc`, () => socket.end()),
    respond: (response) => response.resume(),
  })
  exchange('FIN within a chunk', { answer: (socket) => socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nab`) })
  exchange('no response at all', { answer: (socket) => socket.end('nonsense\r\n\r\n') })
  exchange('a bad field', { answer: `${OK}a b: c\r\n\r\n` })
  exchange('a bad chunk', { answer: `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n` })
  exchange('line ends without CR', { answer: 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi' })
  exchange('two lengths', { answer: `${OK}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc` })
  exchange('a length beside chunks', {
    answer: `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  })
  exchange('two responses to one request', { answer: HI + HI })
  exchange('bytes behind the response', { answer: `${HI}jk` })
  exchange('a lookup that fails', {
    answer: HI,
    options: { host: 'no.invalid', lookup: (host, options, callback) => callback(new Error('not found')) },
  })
}
