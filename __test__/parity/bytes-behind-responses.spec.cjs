'use strict'
// Bytes behind a response in the same read: the body of a response that has none, a second response, nonsense.
const net = require('node:net')
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const RESPONSES = {
  'a body to HEAD': ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  'a body in chunks to HEAD': ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  'a body without a length to HEAD': ['HEAD', 'HTTP/1.1 200 OK\r\n\r\nhello'],
  'line ends behind a response to HEAD': ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\r\n\r\n'],
  'a body after 204': ['GET', 'HTTP/1.1 204 No Content\r\n\r\nhello'],
  'a body after 304': ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello'],
  'nonsense behind a response': ['GET', `${EMPTY}nonsense`],
  'a second response': ['GET', EMPTY + EMPTY],
  'the beginning of a second response': ['GET', `${EMPTY}HTT`],
}

for (const [what, [method, bytes]] of Object.entries(RESPONSES)) {
  for (const keepAlive of [true, false]) {
    for (const road of ['native', 'compatible']) {
      on24.serial(
        `${what}, ${keepAlive ? 'on a connection that is kept' : 'on a connection that closes'}, ${road}`,
        parity(async (http, log, { after }) => {
          const server = net.createServer((socket) => {
            socket.on('error', () => {})
            socket.once('data', () => socket.write(bytes))
          })
          await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
          after(() => server.close())
          const { port } = server.address()
          const agent = new http.Agent({ keepAlive })
          after(() => agent.destroy())
          if (road === 'compatible') agent.createConnection = () => new net.Socket().connect(port, '127.0.0.1')
          const req = http.request({ method, port, host: '127.0.0.1', agent })
          const over = new Promise((resolve) => req.on('close', () => setTimeout(resolve, 30)))
          req.on('error', ({ code, message, bytesParsed }) => log('error', code, message, bytesParsed))
          req.on('close', () => log('close'))
          req.on('response', (res) => {
            log('response', res.statusCode)
            for (const event of ['end', 'aborted', 'close']) res.on(event, () => log('response', event, res.complete))
            res.resume()
          })
          req.end()
          await over
        }),
      )
    }
  }
}
