'use strict'
// `peers.cjs <attack> <port> <count>`: hostile peers, in a process of their own. From when they are all there it sends the parent process
// the number of those that the server has closed, twice a second.
const net = require('node:net')

const [attack, port, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
let closed = 0

function connect(onConnect) {
  const socket = net.connect(port, '127.0.0.1', () => onConnect?.(socket))
  socket.on('error', () => {}).on('close', () => closed++)
  return socket
}

/** Sends `text` at a byte a second. */
function trickle(text) {
  return (socket) => {
    let at = 0
    const timer = setInterval(() => socket.write(text[at++ % text.length]), 1_000)
    socket.on('close', () => clearInterval(timer)).resume()
  }
}

const HEAD =
  'GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'
const ATTACKS = {
  silent: () => {},
  unfinished: (socket) => socket.write(HEAD),
  heads: trickle(HEAD),
  bodies: (socket) => {
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
    trickle('x')(socket)
  },
  readers: (socket) => socket.pause().write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n'),
}

async function open() {
  const BATCH = 200
  for (let made = 0; made < count; made += BATCH) {
    await Promise.all(
      Array.from(
        { length: BATCH },
        () =>
          new Promise((resolve) =>
            connect((socket) => {
              ATTACKS[attack](socket)
              resolve()
            }).once('close', resolve),
          ),
      ),
    )
  }
}

/** Connects, sends half a request and resets, again and again. */
function flood() {
  const again = () => {
    const socket = connect(() => {
      socket.write('GET / HT')
      socket.resetAndDestroy()
    })
    socket.once('close', () => setImmediate(again))
  }
  for (let i = 0; i < count; i++) again()
}

async function attackServer() {
  if (attack === 'flood') flood()
  else await open()
  const report = () => process.send({ closed })
  report()
  setInterval(report, 500)
}

process.on('disconnect', () => process.exit())
attackServer()
