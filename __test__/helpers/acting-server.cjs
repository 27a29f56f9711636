// A server in a thread of its own, whose connections a test ends, or writes to, while the thread of the test is busy.
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')

/** Answers with the number of the connection, but not to /silent. On a message it acts on all open connections. */
const SERVER = `
  const net = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const done = new Int32Array(workerData)
  const open = new Set()
  let count = 0
  const server = net.createServer((socket) => {
    const body = String(++count)
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (bytes) => {
      if (!/silent/.test(bytes)) socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n' + body)
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
  const acts = {
    ends: (socket, next) => socket.end(next),
    destroys: (socket, next) => socket.destroy() && setImmediate(next),
    resets: (socket, next) => socket.resetAndDestroy() && setImmediate(next),
    answers: (socket, next) => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\npoison', next),
  }
  parentPort.on('message', async (act) => {
    for (const socket of open) await new Promise((resolve) => acts[act](socket, resolve))
    Atomics.store(done, 0, 1)
    Atomics.notify(done, 0)
  })
`

/**
 * Starts the server.
 *
 * @param {{ teardown: (end: () => unknown) => void }} t
 * @returns {Promise<{ port: number, act: (name: 'ends' | 'destroys' | 'resets' | 'answers') => void }>} `act` blocks this thread until
 *   the server has done so on all its connections
 */
async function startActingServer(t) {
  const done = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(SERVER, { eval: true, workerData: done.buffer })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  const act = (name) => {
    Atomics.store(done, 0, 0)
    worker.postMessage(name)
    Atomics.wait(done, 0, 0)
  }
  return { port, act }
}

module.exports = { startActingServer }
