'use strict'
// `peers.cjs <attack> <port> <count> <address> <timeout>`: hostile peers, in a process of their own. Sends the parent process a message when
// all of them are connected, and at each message of the parent how many the server has closed, and how late.
const net = require('node:net')

const [attack, address] = [process.argv[2], process.argv[5]]
const [port, count, timeout] = [3, 4, 6].map((at) => Number(process.argv[at]))
/** Peers that connect at the same time. */
const BATCH = 100

let closed = 0
let failed = 0
/** Milliseconds between the end of the server's timeout and the close of a connection. */
const late = []

/** Notes that the server's timeout begins now. A second call replaces the time. */
function begin(socket) {
  socket.began = performance.now()
}

function connect(onConnect) {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: address }, () => {
    begin(socket)
    onConnect(socket)
  })
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    closed++
    if (socket.began === undefined) failed++
    else late.push(performance.now() - socket.began - timeout)
  }
  socket
    .on('error', () => {})
    .on('end', end)
    .on('close', end)
  return socket
}

/** Sends `text` at a byte a second. */
function trickle(socket, text) {
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length]), 1_000)
  socket.on('close', () => clearInterval(timer))
}

const HEAD = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(100)}`
const ATTACKS = {
  silent: (socket) => socket.resume(),
  unfinished: (socket) => socket.resume().write(HEAD),
  heads: (socket) => trickle(socket.resume(), HEAD),
  bodies: (socket) => {
    socket.resume().write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
    trickle(socket, 'x')
  },
  // The server's timeout begins with the end of the response.
  idle: (socket) => socket.on('data', () => begin(socket)).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  readers: (socket) => socket.pause().write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n'),
}

async function open() {
  for (let made = 0; made < count; made += BATCH) {
    const batch = Array.from(
      { length: Math.min(BATCH, count - made) },
      () =>
        new Promise((resolve) => {
          connect((socket) => {
            ATTACKS[attack](socket)
            resolve()
          }).once('close', resolve)
        }),
    )
    await Promise.all(batch)
  }
}

/** Opens `count` connections a second, as far as the server accepts them, sends the beginning of a head on each, and resets it. */
function flood() {
  const MOST = 1_000
  let [open, made] = [0, 0]
  const began = performance.now()
  setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * count
    for (; made < due; made++) {
      if (open === MOST) continue
      open++
      net
        .connect({ port, host: '127.0.0.1', localAddress: address }, function reset() {
          this.write('GET / HT')
          this.resetAndDestroy()
        })
        .on('error', () => failed++)
        .on('close', () => {
          open--
          closed++
        })
    }
  }, 10)
}

async function attackServer() {
  if (attack === 'flood') flood()
  else await open()
  process.send({})
  process.on('message', () => process.send({ closed, failed, late }))
}

process.on('disconnect', () => process.exit())
attackServer()
