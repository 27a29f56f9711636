'use strict'
// The addresses of a connection are known until its end is reported, although it may have closed long before.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const ROUNDS = 30

/** The addresses, without the ports, which differ each time. */
function known({ localAddress, localPort, remoteAddress, remotePort, remoteFamily }) {
  return [localAddress, typeof localPort, remoteAddress, typeof remotePort, remoteFamily]
}

on24(
  "of a server's connection that its last answer closes",
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      res.on('finish', () => log('finish', known(req.socket)))
      res.on('close', () => log('close', known(req.socket)))
      // The program has not used the socket before.
      setImmediate(() => res.end('ok'))
    })
    const port = await listen(server)
    for (let round = 0; round < ROUNDS; round++)
      await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  }),
)

on24(
  "of a client's connection that its answer closes",
  parity(async (http, log, { listen, until }) => {
    const server = net.createServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok')),
    )
    const port = await listen(server)
    for (let round = 0; round < ROUNDS; round++) {
      const request = http.get({ port, host: '127.0.0.1', agent: false })
      const [response] = await until(request, 'response')
      log('response', known(request.socket))
      response.resume()
      await until(response, 'end')
    }
  }),
)
