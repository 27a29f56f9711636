'use strict'
// Server-sent events: each client gets one a second, for as long as it stays. HTTP_MODULE as in app.js.
// An event has its number and the time of its write, in milliseconds: `data: 3 1764500000000.25`.

const name = process.env.HTTP_MODULE ?? 'node:http'
const { createServer } = require(name === 'ferrohttp' ? '../..' : name)

const EVERY_MS = 1000
/** Neighbouring clients get their events far apart in the second. It has no divisor with EVERY_MS in common. */
const STEP_MS = 387

let clients = 0

const server = createServer((req, res) => {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  res.flushHeaders()
  let number = 0
  const send = () => {
    number += 1
    res.write(`data: ${number} ${performance.timeOrigin + performance.now()}\n\n`)
  }
  let timer = setTimeout(
    () => {
      send()
      timer = setInterval(send, EVERY_MS)
    },
    (clients++ * STEP_MS) % EVERY_MS,
  )
  res.on('close', () => clearTimeout(timer))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port }))
})
