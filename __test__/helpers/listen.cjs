'use strict'
// Servers that listen on loopback until the end of a test.
const net = require('node:net')
const { once } = require('node:events')

/** Who accepts the connections of a server, by the road that they take. */
const ROADS = {
  native: (server) => server,
  /** Connections that Node accepts, given to the server as streams. */
  compatible: (server) => net.createServer((socket) => server.emit('connection', socket)),
}

/**
 * @param t of the test
 * @param server of http or https
 * @param {keyof ROADS} road
 * @returns {Promise<number>} the port
 */
async function listen(t, server, road = 'native') {
  const acceptor = ROADS[road](server)
  acceptor.listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  t.teardown(() => {
    acceptor.close()
    server.closeAllConnections()
  })
  return acceptor.address().port
}

/** @returns {Promise<number>} a port of loopback that was free just now, for a program that listens on a port it is given */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

module.exports = { freePort, listen, ROADS: Object.keys(ROADS) }
