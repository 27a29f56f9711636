'use strict'
// Servers that listen on loopback until the end of a test.
const net = require('node:net')
const { once } = require('node:events')

/** The ways in which the connections of a server are accepted, by their road. */
const ROADS = {
  native: (server) => server,
  /** Connections that Node accepts, passed to the server as streams. */
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

/** @returns {Promise<number>} a free port of loopback, for a program that needs a port number */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

module.exports = { freePort, listen, ROADS: Object.keys(ROADS) }
