'use strict'
// Requests over sockets of the program's own making: everything as with node:http.
const { exchange } = require('./_exchange.cjs')
const { parity } = require('../helpers/parity.cjs')
const on24 = require('./_on24.cjs')

for (const define of [require('./_client-events.cjs'), require('./_client-endings.cjs')])
  define((title, script) => exchange('compatible', title, script))

for (const [how, finish] of [
  ['destroyed', (stream) => stream.destroy()],
  ['destroyed with an error', (stream) => stream.destroy(new Error('of the stream'))],
  ['ended', (stream) => stream.push(null)],
])
  on24(
    `a body that ends with the connection, over a stream that is ${how}`,
    parity(async (http, log, { record }) => {
      const stream = new (require('node:stream').Duplex)({
        read() {},
        write(_chunk, _encoding, written) {
          written()
        },
      })
      const req = http.get({ host: 'a', createConnection: () => stream })
      record(req, ['error', 'close'], 'request')
      const closed = new Promise((resolve) => req.on('close', resolve))
      stream.push('HTTP/1.1 200 OK\r\n\r\nbody')
      const [response] = await require('node:events').once(req, 'response')
      record(response, ['data', 'end', 'aborted', 'error', 'close'], 'response')
      await new Promise((resolve) => response.once('data', resolve))
      finish(stream)
      await closed
      await new Promise(setImmediate)
      log(response.complete, response.readableEnded, response.destroyed, response.errored)
    }),
  )
