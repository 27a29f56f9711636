'use strict'
// A part of a request that reaches the I/O thread after the peer has answered the head and closed the connection.
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')
const test = require('ava')
const http = require('ferrohttp')

/** A server in another thread, which answers each head, ends the connection, and sets `closed` when it is closed. */
const SERVER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const closed = new Int32Array(workerData)
  const server = require('node:net').createServer((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 307 Temporary Redirect\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n'))
    socket.on('error', () => {})
    socket.on('close', () => {
      Atomics.store(closed, 0, 1)
      Atomics.notify(closed, 0)
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`

for (const [title, size, outcome] of [
  ['few bytes count as written', 10, null],
  ['more bytes fail', 100_000, 'EPIPE'],
]) {
  test(`a part that is written after the peer has closed the connection: ${title}`, async (t) => {
    const closed = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(SERVER, { eval: true, workerData: closed.buffer })
    t.teardown(() => worker.terminate())
    const [port] = await once(worker, 'message')
    const agent = new http.Agent()
    const req = http.request({ port, host: '127.0.0.1', agent, method: 'POST' })
    const ended = once(req, 'response').then(([res]) => {
      res.resume()
      return once(res, 'end')
    })
    const over = once(req, 'close')
    req.flushHeaders()
    await once(req, 'socket')
    await once(req.socket, 'connect')
    // While this thread is blocked, the I/O thread receives the response and the end.
    Atomics.wait(closed, 0, 0)
    const written = new Promise((resolve) => req.write(Buffer.alloc(size), (error) => resolve(error?.code ?? null)))
    t.is(await written, outcome)
    await ended
    req.end()
    await over
    t.true(req.socket.destroyed)
  })
}
