'use strict'
// A process does not end while a request waits for a connection that is on its way out.
const on24 = require('../parity/_on24.cjs')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

on24(
  'the server allows the connection no time: the next request gets another one',
  parity(
    async (http, log) => {
      const net = require('node:net')
      const head = 'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok'
      const server = net.createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write(head)))
      server.unref().listen(0, '127.0.0.1')
      server.on('connection', (socket) => socket.unref())
      await new Promise((resolve) => server.once('listening', resolve))
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      for (const path of ['/1', '/2', '/3'])
        await new Promise((resolve) => {
          const request = http.get({ port: server.address().port, host: '127.0.0.1', agent, path })
          request.on('response', (response) => {
            log(path, response.statusCode)
            response.resume().on('close', resolve)
          })
        })
      log('done')
    },
    { isolated: true },
  ),
)

on24(
  'an attempt to connect keeps the process alive, although the program has called unref()',
  parity(
    async (http, log) => {
      const net = require('node:net')
      const server = net.createServer()
      server.unref().listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      const request = http.get({ port: server.address().port, host: '127.0.0.1' })
      request.on('error', (error) => log(error.code))
      request.on('socket', (socket) => socket.unref())
      const socket = await new Promise((resolve) => server.once('connection', resolve))
      log('connected')
      socket.destroy()
      await new Promise((resolve) => request.on('close', resolve))
    },
    { isolated: true, nativeOnly: true },
  ),
)

/** Ends each connection when the test asks for it. */
const SERVER = `
  const net = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const open = new Set()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'))
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
  parentPort.on('message', () => {
    for (const socket of open) socket.end()
    open.clear()
  })
`

for (const limit of ['maxSockets', 'maxTotalSockets'])
  test(`the server ends the connection while the program is busy, and the next request gets another one, ${limit}`, async (t) => {
    const { spawn } = require('node:child_process')
    const source = `
      const http = require(${JSON.stringify(require.resolve('../..'))})
      const { Worker } = require('node:worker_threads')
      const worker = new Worker(${JSON.stringify(SERVER)}, { eval: true })
      worker.once('message', () => worker.unref())
      worker.once('message', async (port) => {
        const agent = new http.Agent({ keepAlive: true, ${limit}: 1 })
        const ask = () => new Promise((resolve) => {
          http.get({ port, host: '127.0.0.1', agent }, (response) => {
            console.log(response.statusCode)
            response.resume().on('close', resolve)
          })
        })
        await ask()
        await new Promise(setImmediate)
        const before = http.stats().client.open
        worker.postMessage('end')
        while (http.stats().client.open === before);
        await ask()
        console.log('done')
        process.exit()
      })
    `
    const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (text) => {
      output += text
    })
    await new Promise((resolve) => child.on('close', resolve))
    t.is(output, '200\n200\ndone\n')
  })
