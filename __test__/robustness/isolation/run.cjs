'use strict'
// Many peers ask one server at the same time; some of its answers fail at every possible point. Every byte that every other peer
// receives must be its own, and so must be every request that the server sends to others.
//
// By hand, for longer: node __test__/robustness/isolation/run.cjs --seconds 1200 --seed 7 --stack-size 200
const { fork } = require('node:child_process')
const { createServer } = require('node:http')
const { once } = require('node:events')
const net = require('node:net')
const path = require('node:path')
const { check, FAULTY, foreign, GOOD, textOf, tokenOf } = require('./messages.cjs')

const PEERS = 24
/** The time in ms for a right answer, also on a busy machine. */
const PATIENCE = 20_000
/** How long a faulty one is waited for. */
const GRACE = 30

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** A server that the tested one asks: answers with the bytes of the token, and notes requests with bytes of another one. */
async function upstream(wrong, counts) {
  // Requests that fail may be left open by the program. A kept connection that this server closes while the next request is on its
  // way costs that one its answer.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (req, res) => {
    const [, token, length] = decodeURIComponent(req.url).split('/')
    const parts = []
    req.on('data', (part) => parts.push(part)).on('error', () => {})
    req.on('end', () => {
      counts.requests++
      const body = Buffer.concat(parts).latin1Slice()
      if (req.headers.authorization !== token || body !== textOf(token, Number(length)))
        wrong.push(`a request of ${token} with ${req.headers.authorization} and ${body.slice(0, 80)}`)
      res.end(textOf(token, Number(length)))
    })
  })
  server.on('clientError', (error, socket) => {
    // The program has aborted an incomplete request. Any other difference is a request that the program has not written.
    if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE')
      wrong.push(`a request that is none: ${error.code} ${error.rawPacket?.subarray(0, 200).latin1Slice()}`)
    socket.destroy()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

/** One peer, which sends requests until `until`, at most `rounds`. */
class Peer {
  #socket = null
  #received = []

  constructor(index, port, random, wrong, counts) {
    Object.assign(this, { index, port, random, wrong, counts })
  }

  async run(until, rounds) {
    for (let number = 0; number < rounds && Date.now() < until() && this.wrong.length === 0; number++)
      await this.#ask(number)
    this.#socket?.destroy()
  }

  async #ask(number) {
    const faulty = this.random() < 0.4
    const ways = faulty ? FAULTY : GOOD
    const way = ways[Math.floor(this.random() * ways.length)]
    // Most are short, some longer than the size that is copied.
    const length = 1 + Math.floor(this.random() ** 4 * 40_000)
    const token = tokenOf(this.index, number)
    this.#received = []
    const socket = await this.#connected()
    socket.write(`GET /${way}/${encodeURIComponent(token)}/${length} HTTP/1.1\r\nHost: a\r\n\r\n`)
    if (way === 'abandoned') {
      await new Promise((resolve) => setTimeout(resolve, this.random() * 4))
      this.#leave()
      this.counts.faulty++
      return
    }
    const outcome = await this.#outcome(faulty ? GRACE : PATIENCE, (bytes) => check(way, token, length, bytes))
    const bytes = Buffer.concat(this.#received)
    const others = foreign(token, bytes)
    if (others.length > 0) this.wrong.push(`${token} (${way}) received ${others[0]}`)
    if (faulty) {
      this.counts.faulty++
      this.#leave()
    } else if (outcome === 'complete') {
      this.counts.answers++
    } else {
      this.wrong.push(`${token} (${way}, ${length}): ${outcome} ${bytes.subarray(0, 300).latin1Slice()}`)
    }
  }

  #leave() {
    this.#socket.destroy()
    this.#socket = null
  }

  async #connected() {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket
    const socket = net.connect(this.port, '127.0.0.1')
    this.#socket = socket
    socket.on('data', (data) => this.#received.push(data)).on('error', () => {})
    await Promise.race([once(socket, 'connect').catch(() => {}), once(socket, 'close')])
    return socket
  }

  /** The state of the answer when it is complete or wrong, the connection has closed, or `patience` is over. */
  #outcome(patience, check) {
    const socket = this.#socket
    return new Promise((resolve) => {
      const end = (outcome) => {
        clearTimeout(timer)
        socket.off('data', look).off('close', closed)
        resolve(outcome)
      }
      const look = () => {
        const outcome = check(Buffer.concat(this.#received))
        if (outcome !== 'incomplete') end(outcome)
      }
      const closed = () => end('closed')
      const timer = setTimeout(() => end('never answered'), patience)
      socket.on('data', look).on('close', closed)
      if (socket.destroyed) closed()
    })
  }
}

const OURS = path.resolve(__dirname, '../../../dist/index.js')

/**
 * @param {object} options
 * @param {number} [options.seconds]
 * @param {number} [options.rounds] largest number of requests of each peer
 * @param {number} options.seed
 * @param {number} [options.stackSize] V8's, in KB
 * @param {string} [options.module] the module of the server
 * @returns the counts, and all faults
 */
async function run({ seconds = Infinity, rounds = Infinity, seed, stackSize, module: name = OURS }) {
  const wrong = []
  const counts = { answers: 0, faulty: 0, requests: 0 }
  const upstreams = [await upstream(wrong, counts), await upstream(wrong, counts)]
  const ports = upstreams.map((server) => String(server.address().port))
  const execArgv = stackSize === undefined ? [] : [`--stack-size=${stackSize}`]
  const server = fork(path.join(__dirname, 'server.cjs'), [name, ...ports], {
    execArgv,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  let ended = false
  server.on('exit', (code, signal) => {
    if (!ended) wrong.push(`the server ended: ${code ?? signal} ${output.slice(-2000)}`)
  })
  const [{ port }] = await once(server, 'message')
  const finish = Date.now() + seconds * 1000
  const until = () => (server.exitCode === null ? finish : 0)
  const random = generator(seed)
  await Promise.all(
    Array.from({ length: PEERS }, (_, i) =>
      new Peer(i, port, generator(random() * 2 ** 32), wrong, counts).run(until, rounds),
    ),
  )
  if (output.includes('does not parse')) wrong.push(output.slice(0, 500))
  ended = true
  server.kill('SIGKILL')
  for (const one of upstreams) {
    one.closeAllConnections()
    one.close()
  }
  return { ...counts, wrong }
}

if (require.main === module) {
  const given = (name) => {
    const at = process.argv.indexOf(`--${name}`)
    return at === -1 ? undefined : Number(process.argv[at + 1])
  }
  const options = { seconds: given('seconds') ?? 60, seed: given('seed') ?? 1, stackSize: given('stack-size') }
  run(options).then(({ wrong, ...counts }) => {
    console.log(JSON.stringify({ ...options, ...counts, wrong: wrong.slice(0, 5) }))
    process.exitCode = wrong.length === 0 ? 0 : 1
  })
}

module.exports = { run }
