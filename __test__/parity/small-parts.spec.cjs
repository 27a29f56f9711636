'use strict'
// Parts that are so short that the kernel accepts them at once, and a peer that does not read them all the same.
const { once } = require('node:events')
const net = require('node:net')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

test(
  'a peer that does not read stops a server that writes small parts, and the server continues when the peer reads',
  parity(async (http, log, { listen }) => {
    const part = 'x'.repeat(1000)
    let stopped
    const full = new Promise((resolve) => {
      stopped = resolve
    })
    const server = http.createServer((_req, res) => {
      let parts = 0
      const write = () => {
        parts += 1
        if (res.write(part)) setImmediate(write)
        else stopped({ res, parts })
      }
      write()
    })
    const peer = net.connect(await listen(server), '127.0.0.1').pause()
    peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const { res, parts } = await full
    log(res.writableNeedDrain, res.writableLength > 0)
    let received = ''
    peer.setEncoding('latin1').on('data', (text) => {
      received += text
    })
    peer.resume()
    await once(res, 'drain')
    log(res.writableNeedDrain, res.writableLength)
    res.end('end')
    await once(res, 'finish')
    while (!received.endsWith('\r\n0\r\n\r\n')) await once(peer, 'data')
    log(received.split(part).length - 1 === parts, received.slice(-13))
    peer.destroy()
  }),
)

test(
  'the counters of a message after small parts, and the order of its events',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((_req, res) => {
      res.on('finish', () => log('finish')).on('close', () => log('close'))
      let part = 0
      const write = () => {
        part += 1
        log(part, res.write(`part ${part}`), res.writableNeedDrain)
        if (part < 5) setImmediate(write)
        else {
          res.write('with a callback', () => log('written'))
          res.end()
        }
      }
      write()
    })
    log(await raw(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
  }),
)
