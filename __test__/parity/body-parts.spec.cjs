'use strict'
// Where a body is divided: at each chunk, although one read brought several, and at each read.
const net = require('node:net')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

const CHUNKS = '1\r\na\r\n3;x=y\r\nbcd\r\n2\r\nef\r\n0\r\nX: y\r\n\r\n'

function logBody(log, message) {
  message.on('data', (part) => log('data', part.toString()))
  return new Promise((resolve) => message.on('end', () => resolve(log('end', message.rawTrailers))))
}

on24(
  'chunks of a request that came together',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer(async (req, res) => {
      await logBody(log, req)
      res.end()
    })
    const port = await listen(server)
    await raw(port, `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`)
  }),
)

on24(
  'chunks of a response that came together',
  parity(async (http, log, { listen, until }) => {
    const server = net.createServer((socket) =>
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`)),
    )
    const port = await listen(server)
    const [response] = await until(http.get({ port, host: '127.0.0.1', agent: false }), 'response')
    await logBody(log, response)
  }),
)

on24(
  'a body with Content-Length that came with its head',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer(async (req, res) => {
      await logBody(log, req)
      res.end()
    })
    const port = await listen(server)
    await raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabcdef')
  }),
)
