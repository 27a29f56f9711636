'use strict'
// `server.cjs <node | ferrohttp> [blocked]`: a server that is attacked. With `blocked` its JavaScript is blocked for a second in every two.
const [kind, blocked] = process.argv.slice(2)
const { createServer } = kind === 'node' ? require('node:http') : require('../../dist/index.js')

const LARGE = Buffer.alloc(4 * 1024 * 1024)
/** They pass at the end of a window, or after it. */
const options = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }

const server = createServer(options, (req, res) => {
  req.resume()
  res.end(req.url === '/large' ? LARGE : 'hello')
})
if (blocked) setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000), 2_000)
server.listen(0, '127.0.0.1', 4096, () => process.send(server.address().port))
process.on('disconnect', () => process.exit())
