'use strict'
// Debian's redis-server on a free port, as a service that a server asks. Keeps nothing on disk; ends with this process.

const { spawn } = require('node:child_process')
const net = require('node:net')

const RETRY_MS = 20

function freePort(callback) {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => callback(port))
  })
}

/** Calls back as soon as the server answers. */
function whenReady(port, callback) {
  const socket = net.connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
  socket.on('error', () => setTimeout(whenReady, RETRY_MS, port, callback))
  socket.once('data', () => {
    socket.destroy()
    callback()
  })
}

freePort((port) => {
  const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no']
  const redis = spawn('redis-server', options.map(String), { stdio: ['ignore', 'ignore', 'inherit'] })
  redis.on('exit', (code) => process.exit(code ?? 1))
  process.on('SIGTERM', () => redis.kill('SIGKILL'))
  whenReady(port, () => console.log(JSON.stringify({ port })))
})
