'use strict'
// socket.io beside an Express application, or on a server that it makes itself.
const nodeHttp = require('node:http')
const express = require('express')
const { Server } = require('socket.io')
const { listening } = require('./_listening.cjs')

module.exports = (form = 'beside') => ({
  explicit: (http) => beside(http),
  own: () => (form === 'alone' ? alone() : beside(nodeHttp)),
})

function beside(http) {
  const app = express()
  app.get('/', (_req, res) => res.send('application'))
  const server = http.createServer(app)
  serve(new Server(server, { cors: { origin: 'http://b.test' } }))
  return listening(server.listen(0))
}

async function alone() {
  const io = new Server()
  serve(io)
  io.listen(0)
  return listening(io.httpServer)
}

function serve(io) {
  io.use((socket, next) => (socket.handshake.auth.name === 'nobody' ? next(new Error('not you')) : next()))
  io.on('connection', (socket) => {
    socket.join('room')
    socket.on('echo', (...args) => args.pop()(...args))
    socket.on('to-room', (text) => io.to('room').emit('announced', text))
    socket.on('transport', (answer) =>
      answer(socket.conn.transport.name, socket.handshake.address, socket.handshake.headers.host !== undefined),
    )
    socket.on('leave', () => socket.disconnect(true))
  })
  io.of('/other').on('connection', (socket) => socket.emit('welcome', socket.nsp.name))
}
