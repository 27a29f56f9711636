'use strict'
// `server.cjs <node | ferrohttp | refusing>`: a server whose handler needs 2 ms of CPU. Sends its port to the parent process.
const [kind] = process.argv.slice(2)
const { createServer } = kind === 'node' ? require('node:http') : require('../../dist/index.js')

const HANDLER_MS = 2
const options = kind === 'refusing' ? { overload: { maxQueueDelay: 4, interval: 20 } } : {}

const server = createServer(options, (_req, res) => {
  const until = performance.now() + HANDLER_MS
  while (performance.now() < until);
  res.end('done')
})
server.listen(0, '127.0.0.1', 4096, () => process.send(server.address().port))
process.on('disconnect', () => process.exit())
