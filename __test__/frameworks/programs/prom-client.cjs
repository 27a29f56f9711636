'use strict'
// Prints prom-client's text of ferrohttp's metrics, and ferrohttp's own text.
const client = require('prom-client')
const { createServer } = require('../../../dist/index.js')
const { collect, metrics } = require('../../../dist/metrics.js')
const { ask } = require('./_ask.cjs')

collect(client.register)
const server = createServer((_request, response) => response.end('hello'))
server.listen(0, '127.0.0.1', async () => {
  await ask(require('../../../dist/index.js'), `http://127.0.0.1:${server.address().port}/`)
  console.log(JSON.stringify([await client.register.metrics(), metrics()]))
  process.exit()
})
