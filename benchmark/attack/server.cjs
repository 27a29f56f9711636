'use strict'
// `server.cjs <node | ferrohttp> <free | blocked> <timeout>`: a server that is attacked. All its timeouts are `timeout` milliseconds. With
// `blocked` its JavaScript is blocked for a second in every two, and the server sends the parent process the end of each such second.
const [kind, state, timeout] = process.argv.slice(2)
const { createServer } = kind === 'node' ? require('node:http') : require('../../dist/index.js')

const BLOCKED = 1_000
const LARGE = Buffer.alloc(4 * 1024 * 1024)
const options = {
  headersTimeout: Number(timeout),
  requestTimeout: Number(timeout),
  keepAliveTimeout: Number(timeout),
  keepAliveTimeoutBuffer: 0,
  connectionsCheckingInterval: 1_000,
  // node:http knows no such option, and its JavaScript answers.
  health: { path: '/livez' },
}

const server = createServer(options, (req, res) => {
  req.resume()
  res.end(req.url === '/large' ? LARGE : 'hello')
})

if (state === 'blocked') {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  setInterval(() => {
    const began = process.hrtime.bigint()
    Atomics.wait(cell, 0, 0, BLOCKED)
    // The parent may have ended in the meantime, which is no error.
    process.send({ blocked: [String(began), String(process.hrtime.bigint())] }, () => {})
  }, 2 * BLOCKED)
}
// Peers have addresses of their own beside the well-behaved client.
server.listen(0, '0.0.0.0', 4096, () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit())
