'use strict'
// A service over TCP for handlers to wait for: answers each line with a line.

const net = require('node:net')

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    let lines = 0
    for (const byte of bytes) if (byte === 10) lines++
    socket.write('!\n'.repeat(lines))
  })
})
server.listen({ port: 0, host: '127.0.0.1' }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
