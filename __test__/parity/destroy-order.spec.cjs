'use strict'
// A connection that is destroyed ends before what the program writes to another one afterwards: the peers, who are one, see it in
// this order.
const net = require('node:net')
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const WAYS = {
  'at once': (act) => act(),
  'in an immediate': (act) => setImmediate(act),
  'in a promise job': (act) => Promise.resolve().then(act),
}

/** Logs what the peer sees of a socket. */
function watch(socket, name, seen) {
  socket.on('data', () => seen.push(`${name} data`))
  socket.on('end', () => seen.push(`${name} end`))
  socket.on('error', (error) => seen.push(`${name} ${error.code}`))
}

for (const [way, when] of Object.entries(WAYS)) {
  test(
    `a server destroys one connection and answers on another, ${way}`,
    parity(async (http, log, tools) => {
      const responses = new Map()
      const server = http.createServer((req, res) => {
        responses.set(req.url, res)
        if (responses.size < 2) return
        when(() => {
          responses.get('/first').destroy()
          responses.get('/second').end('answer')
        })
      })
      const port = await tools.listen(server)
      const seen = []
      const ask = async (name) => {
        const socket = net.connect(port, '127.0.0.1')
        await tools.until(socket, 'connect')
        watch(socket, name, seen)
        socket.write(`GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`)
        return socket
      }
      const first = await ask('first')
      const second = await ask('second')
      await tools.until(second, 'data')
      if (!first.closed) await tools.until(first, 'close')
      second.destroy()
      log(seen)
    }),
  )
}
