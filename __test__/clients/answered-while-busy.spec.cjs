'use strict'
// A server answers and closes while the program's thread is busy. The program still finds the events in Node's order.
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')
const test = require('ava')
const http = require('../..')

/** Answers the head of each request and closes. Counts the connections that have ended. */
const SERVER = `
  const net = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const ended = new Int32Array(workerData)
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'))
    socket.on('close', () => {
      Atomics.add(ended, 0, 1)
      Atomics.notify(ended, 0)
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

test.serial(
  'a response is emitted after the immediates of the turn that connects, although its connection has ended',
  async (t) => {
    const ended = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(SERVER, { eval: true, workerData: ended.buffer })
    t.teardown(() => worker.terminate())
    const [port] = await once(worker, 'message')
    const options = { port, host: '127.0.0.1', agent: false, method: 'POST' }
    const order = []
    const before = http.stats().client.open
    const req = await new Promise((resolve) => {
      setImmediate(() => {
        const request = http.request(options)
        request.flushHeaders()
        request.on('finish', () => order.push('finish')).on('response', () => order.push('response'))
        setImmediate(() => request.end(() => order.push('end()')))
        // The attempt to connect begins in a tick, and the head is sent in another one.
        let ticks = 8
        const blockAfterTicks = () => {
          if (--ticks > 0) return process.nextTick(blockAfterTicks)
          Atomics.wait(ended, 0, 0, 10_000)
          const limit = process.hrtime.bigint() + 10_000_000_000n
          while (http.stats().client.open > before && process.hrtime.bigint() < limit);
          t.is(http.stats().client.open, before)
          // It gets the id of the connection whose records this thread has not read.
          http.get(options).on('error', () => {})
          resolve(request)
        }
        blockAfterTicks()
      })
    })
    const [response] = await once(req, 'response')
    response.resume()
    await once(req, 'close')
    t.deepEqual(order, ['end()', 'finish', 'response'])
  },
)
