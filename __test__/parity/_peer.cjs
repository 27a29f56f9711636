'use strict'
// One exchange of a bare TCP peer with a server of the script: the bytes that the peer receives, and the events that the program observes.

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const CONNECT = 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'

/**
 * Lets `prepare` add its listeners to a server, has a peer send `request` to it, and waits until both ends of the
 * connection are closed.
 *
 * @param {typeof import('node:http')} http
 * @param {object} tools see `helpers/play.cjs`
 * @param {(server: import('node:http').Server, see: (...values: unknown[]) => void) => void} prepare
 * @param {string | string[]} request in one write each
 * @param {(client: object) => Promise<void>} [converse] further actions of the peer
 * @returns {Promise<{ received: string, seen: unknown[][] }>} `seen`: the notes of the program, in their order
 */
async function exchange(http, tools, prepare, request, converse) {
  const seen = []
  const server = http.createServer()
  const connection = new Promise((resolve) => server.once('connection', resolve))
  prepare(server, (...values) => seen.push(values))
  const port = await tools.listen(server)
  const client = await tools.connect(port)
  const socket = await connection
  const closed = socket.closed || new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => {})
  for (const part of [request].flat()) if (part !== '') await client.write(part)
  if (converse !== undefined) await converse(client)
  await client.closed
  await closed
  const received = client.received.replace(/\r\nDate: .*/g, '')
  if (received.length > 1e6) return { received: `${received.length} bytes, ${received.slice(-20)}`, seen }
  // A failed comparison shows the whole transcript.
  return { received: received.replace(/(.)\1{99,}/g, (run, one) => `<${run.length} ${one}>`), seen }
}

module.exports = { CONNECT, GET, UPGRADE, exchange }
