// The peers of soak.mjs: each function is one visit. It ends when its connection is closed or free, and resolves to null, or to a
// description of the fault.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

const HOST = 'Host: a\r\n'
/** The time for one visit. A longer one counts as hanging. */
const VISIT_MS = 20_000

const agent = new Agent({ keepAlive: true, maxSockets: 16 })
const noise = randomBytes(256 * 1024)

/** Sends one request by node:http's client, and waits for the answer. */
async function ask(port, path, { body, expected = 200, headers, pool = agent } = {}) {
  const req = request({ port, host: '127.0.0.1', path, method: body ? 'POST' : 'GET', headers, agent: pool })
  const answered = once(req, 'response')
  req.end(body)
  const [res] = await answered
  const answer = await text(res)
  return { wrong: res.statusCode === expected ? null : `${path}: status ${res.statusCode}`, answer }
}

const is = (path, { wrong, answer }, expected) =>
  wrong ?? (answer === expected ? null : `${path}: ${answer.length} bytes, not as expected`)

/** Opens a connection without a parser. */
async function dial(port, bytes = '') {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1')
  socket.received = ''
  socket.on('error', () => {})
  socket.on('data', (part) => {
    // The beginning is enough for the checks.
    if (socket.received.length < 64 * 1024) socket.received += part
    socket.bytes = (socket.bytes ?? 0) + part.length
  })
  socket.gone = new Promise((resolve) => socket.once('close', resolve))
  socket.on('end', () => socket.end())
  await once(socket, 'connect')
  if (bytes !== '') socket.write(bytes)
  return socket
}

async function receives(socket, marker) {
  while (!socket.received.includes(marker) && !socket.destroyed && !socket.readableEnded) {
    await Promise.race([once(socket, 'data'), socket.gone])
  }
  return socket.received.includes(marker)
}

/** All bytes that the server sends until it closes. */
async function receivesToEnd(socket) {
  await socket.gone
  return socket.received
}

const pick = (list) => list[Math.floor(Math.random() * list.length)]
const upTo = (limit) => Math.floor(Math.random() * limit)

export const VISITS = {
  'keep-alive': async (port) => {
    for (let i = 0; i < 20; i += 1) {
      const wrong = is('/hello', await ask(port, '/hello'), 'hello')
      if (wrong) return wrong
    }
    return null
  },
  'one request': async (port) => is('/hello', await ask(port, '/hello', { pool: false }), 'hello'),
  'late answer': async (port) => is('/late', await ask(port, '/late'), 'late'),
  pipelining: async (port) => {
    const count = 1 + upTo(200)
    const socket = await dial(port, `GET /hello HTTP/1.1\r\n${HOST}\r\n`.repeat(count - 1))
    socket.write(`GET /hello HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    const received = await receivesToEnd(socket)
    const answers = received.split('HTTP/1.1 200 OK').length - 1
    return answers === count ? null : `pipelining: ${answers} answers of ${count}`
  },
  'pipelining, then gone': async (port) => {
    const socket = await dial(port, `GET ${pick(['/hello', '/late', '/blob'])} HTTP/1.1\r\n${HOST}\r\n`.repeat(100))
    await sleep(upTo(20))
    if (upTo(2)) socket.resetAndDestroy()
    else socket.destroy()
    await socket.gone
    return null
  },
  upload: async (port) => {
    const body = noise.subarray(0, 1 + upTo(noise.length))
    const headers = upTo(2) ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': body.length }
    return is('/upload', await ask(port, '/upload', { body, headers }), createHash('sha256').update(body).digest('hex'))
  },
  echo: async (port) => {
    const body = noise.subarray(0, 1 + upTo(noise.length)).toString('base64')
    return is('/echo', await ask(port, '/echo', { body }), body)
  },
  'upload that is not read': async (port) => {
    const socket = await dial(port, `POST /ignore-body HTTP/1.1\r\n${HOST}Content-Length: ${noise.length}\r\n\r\n`)
    socket.write(noise)
    const answered = await receives(socket, 'ignored')
    socket.destroy()
    await socket.gone
    return answered ? null : 'upload that is not read: no answer'
  },
  'upload broken off': async (port) => {
    const head = upTo(2) ? 'Content-Length: 1000000' : 'Transfer-Encoding: chunked'
    const socket = await dial(
      port,
      `POST ${pick(['/upload', '/echo', '/never'])} HTTP/1.1\r\n${HOST}${head}\r\n\r\n5\r\nhello\r\n`,
    )
    await sleep(upTo(10))
    pick([() => socket.resetAndDestroy(), () => socket.destroy(), () => socket.end()])()
    await socket.gone
    return null
  },
  download: async (port) => {
    const path = pick(['/blob', '/stream'])
    const { wrong, answer } = await ask(port, path)
    return (
      wrong ?? (answer.length === (path === '/blob' ? 1024 : 768) * 1024 ? null : `${path}: ${answer.length} bytes`)
    )
  },
  'slow reader': async (port) => {
    const socket = await dial(port, `GET /stream HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    while (!socket.destroyed) {
      socket.pause()
      await sleep(30)
      socket.resume()
      await Promise.race([once(socket, 'data'), socket.gone])
    }
    return socket.bytes > 768 * 1024 ? null : `slow reader: ${socket.bytes} bytes`
  },
  'reader that stops': async (port) => {
    const socket = await dial(port, `GET ${pick(['/blob', '/stream'])} HTTP/1.1\r\n${HOST}\r\n`.repeat(8))
    socket.pause()
    await sleep(upTo(100))
    if (upTo(2)) socket.resetAndDestroy()
    else socket.destroy()
    await socket.gone
    return null
  },
  'answer broken off': async (port) => {
    const req = request({ port, host: '127.0.0.1', path: '/blob', agent: false })
    req.on('error', () => {})
    req.end()
    const [res] = await once(req, 'response')
    res.on('error', () => {})
    const gone = new Promise((resolve) => res.once('close', resolve))
    req.destroy()
    await gone
    return null
  },
  'gone before the answer': async (port) => {
    const socket = await dial(port, `GET ${pick(['/never', '/late'])} HTTP/1.1\r\n${HOST}\r\n`)
    await sleep(upTo(30))
    pick([() => socket.resetAndDestroy(), () => socket.destroy(), () => socket.end()])()
    await socket.gone
    return null
  },
  'handler that throws': async (port) => {
    const socket = await dial(port, `GET ${pick(['/throw', '/throw-late'])} HTTP/1.1\r\n${HOST}\r\n`)
    await sleep(upTo(30))
    socket.destroy()
    await socket.gone
    return null
  },
  'handler that rejects': async (port) => (await ask(port, '/reject', { expected: 500, pool: false })).wrong,
  'handler that destroys': async (port) => {
    const socket = await dial(port, `GET ${pick(['/destroy', '/reset'])} HTTP/1.1\r\n${HOST}\r\n`)
    return (await receivesToEnd(socket)) === '' ? null : 'handler that destroys: an answer'
  },
  upgrade: async (port) => {
    const socket = await dial(port, `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst`)
    if (!(await receives(socket, 'first'))) return 'upgrade: its head was lost'
    for (let i = 0; i < 5; i += 1) {
      socket.write(`${i}second${'.'.repeat(upTo(10_000))}`)
      if (!(await receives(socket, `${i}second`))) return 'upgrade: bytes were lost'
    }
    pick([() => socket.resetAndDestroy(), () => socket.destroy(), () => socket.end()])()
    await socket.gone
    return null
  },
  expectation: async (port) => {
    const socket = await dial(port, `POST /upload HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
    const asked = await receives(socket, '100 Continue')
    if (upTo(2)) socket.destroy()
    else {
      socket.write('hello')
      await receives(socket, '200 OK')
      socket.end()
    }
    await socket.gone
    return asked ? null : 'expectation: no 100'
  },
  garbage: async (port) => {
    const socket = await dial(port, noise.subarray(0, 2000).toString('latin1'))
    return (await receivesToEnd(socket)).startsWith('HTTP/1.1 400 ') ? null : 'garbage: not answered by 400'
  },
  'head too large': async (port) => {
    const socket = await dial(port, `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(20_000)}\r\n\r\n`)
    return (await receivesToEnd(socket)).startsWith('HTTP/1.1 431 ') ? null : 'head too large: not answered by 431'
  },
  'head that never ends': async (port) => {
    const socket = await dial(port, `GET / HTTP/1.1\r\n${HOST}X: `)
    const trickle = setInterval(() => socket.write('x'), 100)
    const received = await receivesToEnd(socket)
    clearInterval(trickle)
    return received.startsWith('HTTP/1.1 408 ') ? null : `head that never ends: ${received}`
  },
  'body that stalls': async (port) => {
    const socket = await dial(port, `POST /upload HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n12345`)
    return (await receivesToEnd(socket)).startsWith('HTTP/1.1 408 ') ? null : 'body that stalls: not answered by 408'
  },
  'idle until it is closed': async (port) => {
    const socket = await dial(port, `GET /hello HTTP/1.1\r\n${HOST}\r\n`)
    return (await receivesToEnd(socket)).endsWith('hello') ? null : 'idle: not answered'
  },
  'no answer until the timeout': async (port) => {
    const socket = await dial(port, `GET /never HTTP/1.1\r\n${HOST}\r\n`)
    return (await receivesToEnd(socket)) === '' ? null : 'no answer until the timeout: an answer'
  },
}

/** One visit by name. */
export async function visit(name, port) {
  const limit = new AbortController()
  const hangs = sleep(VISIT_MS, `${name}: hangs`, { signal: limit.signal }).catch(() => null)
  try {
    return await Promise.race([VISITS[name](port), hangs])
  } catch (error) {
    return `${name}: ${error.message}`
  } finally {
    limit.abort()
  }
}

/** Closes the connections that are kept between visits. */
export function leave() {
  agent.destroy()
}
