// Well-behaved clients: requests one after the other on each of a few connections.
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** `pause` is the time between a response and the next request, in milliseconds. */
export const CLIENT = { path: '/', connections: 4, pause: 5 }
export const PROBE = { path: '/livez', connections: 1, pause: 50 }

const now = () => Number(process.hrtime.bigint()) / 1e6

function connect(port) {
  return net
    .connect(port, '127.0.0.1')
    .setNoDelay(true)
    .on('error', () => {})
}

/** Whether a response has arrived before the connection has closed. */
function answered(socket) {
  return new Promise((resolve) => {
    const onData = () => settle(true)
    const onClose = () => settle(false)
    const settle = (value) => {
      socket.off('data', onData).off('close', onClose)
      resolve(value)
    }
    socket.on('data', onData).on('close', onClose)
  })
}

/** Adds [sent, answered] of each request to `times`, in milliseconds of the monotonic clock. */
async function converse(port, until, times, { path, pause }) {
  const head = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  let socket = connect(port)
  while (now() < until) {
    const sent = now()
    socket.write(head)
    // If the server has closed the connection between two requests, the time of the next request includes a new connection.
    while (!(await answered(socket))) {
      socket = connect(port)
      socket.write(head)
    }
    times.push([sent, now()])
    await sleep(pause)
  }
  socket.destroy()
}

/** Sends requests for `milliseconds`. @returns [sent, answered] of each request, in milliseconds of the monotonic clock */
export async function request(port, milliseconds, client = CLIENT) {
  const times = []
  const until = now() + milliseconds
  await Promise.all(Array.from({ length: client.connections }, () => converse(port, until, times, client)))
  return times
}

/** The time of each request without the parts of it in which JavaScript was blocked. `blocked` are [begin, end] of such times. */
export function withoutBlocks(times, blocked = []) {
  return times.map(([sent, answered]) => {
    let time = answered - sent
    for (const [begin, end] of blocked) time -= Math.max(0, Math.min(answered, end) - Math.max(sent, begin))
    return time
  })
}
