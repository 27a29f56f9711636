'use strict'
// Peers that send and receive bytes without parsing HTTP, for either side. One that converses is `raw-client.cjs`.
const net = require('node:net')

/** Calls `take(head)` for each request on a socket. Requests must not have bodies, because only heads are recognised. */
function eachRequest(socket, take) {
  let received = ''
  socket.on('error', () => {})
  socket.on('data', (data) => {
    received += data.toString('latin1')
    for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
      const head = received.slice(0, end + 4)
      received = received.slice(end + 4)
      take(head)
    }
  })
}

/** The target in the request line of a head. */
function targetOf(head) {
  return head.split(' ', 2)[1]
}

/** A client that stops reading after the first bytes that it receives. */
function openAndStall(port, request) {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.once('data', () => socket.pause())
  socket.write(request)
  return socket
}

module.exports = { eachRequest, openAndStall, targetOf }
