// Sends requests at a fixed rate, whether the earlier ones are answered or not, as independent users do.
import net from 'node:net'

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
/** Largest number of connections. Further requests count as failed. */
const CONNECTIONS = 2000

/**
 * @param {number} rate requests a second
 * @param {number} seconds
 * @param {number} patience ms after which a response counts as failed
 * @returns ms of each response with 200 in time, and the numbers of refused and failed requests
 */
export async function openLoop(port, rate, seconds, patience = 1000) {
  const times = []
  let refused = 0
  let failed = 0
  let open = 0
  const free = []
  const sockets = new Set()
  const connect = () => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay(true)
    sockets.add(socket)
    open++
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const [, length = '0'] = /content-length: (\d+)/i.exec(text) ?? []
      if (text.length < end + 4 + Number(length)) return
      const took = performance.now() - socket.due
      if (text.startsWith('HTTP/1.1 503')) refused++
      else if (text.startsWith('HTTP/1.1 200') && took <= patience) times.push(took)
      else failed++
      text = ''
      socket.due = undefined
      free.push(socket)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      open--
      sockets.delete(socket)
      if (socket.due !== undefined) failed++
    })
    return socket
  }
  const begin = performance.now()
  let sent = 0
  await new Promise((resolve) => {
    const tick = () => {
      const elapsed = performance.now() - begin
      const due = Math.min(rate * seconds, Math.floor((elapsed / 1000) * rate))
      for (; sent < due; sent++) {
        let socket = free.pop()
        while (socket?.destroyed) socket = free.pop()
        if (socket === undefined && open >= CONNECTIONS) {
          failed++
          continue
        }
        socket ??= connect()
        socket.due = begin + (sent / rate) * 1000
        socket.write(REQUEST)
      }
      if (elapsed < seconds * 1000) setTimeout(tick, 1)
      else setTimeout(resolve, patience)
    }
    tick()
  })
  for (const socket of sockets) {
    if (socket.due !== undefined) {
      failed++
      socket.due = undefined
    }
    socket.destroy()
  }
  return { times, refused, failed, seconds }
}

/** Requests one after the other on a few connections. @returns responses a second */
export async function closedLoop(port, connections, seconds) {
  const until = performance.now() + seconds * 1000
  let count = 0
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise((resolve) => {
          const socket = net.connect(port, '127.0.0.1').setNoDelay(true)
          socket.on('connect', () => socket.write(REQUEST))
          socket.on('data', (chunk) => {
            if (chunk.toString('latin1').startsWith('HTTP/1.1 200')) count++
            if (performance.now() < until) socket.write(REQUEST)
            else socket.destroy()
          })
          socket.on('close', resolve)
        }),
    ),
  )
  return count / seconds
}
