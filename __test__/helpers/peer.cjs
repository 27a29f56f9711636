// A client that is nothing but a socket: sends what it is told and keeps what it hears.
const net = require('node:net')
const { once } = require('node:events')

const MAX_KEPT = 1024 * 1024

class Peer {
  /** Everything received, as latin1 text, up to 1 MiB. */
  received = ''
  bytes = 0
  /** 'end' for a FIN, the error's code for anything else; undefined while open. */
  outcome = undefined
  #waiting = []

  constructor(port, options) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, ...options })
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk) => {
      this.bytes += chunk.length
      if (this.received.length < MAX_KEPT) this.received += chunk.latin1Slice()
      this.#look()
    })
    this.socket.on('end', () => {
      this.outcome ??= 'end'
      this.socket.end()
      this.#look()
    })
    this.socket.on('error', (error) => { this.outcome ??= error.code })
    this.socket.on('close', () => {
      this.outcome ??= 'closed'
      this.#look()
    })
    this.connected = once(this.socket, 'connect').catch(() => {})
    this.closed = new Promise((resolve) => this.socket.once('close', resolve))
  }

  #look() {
    this.#waiting = this.#waiting.filter(({ ready, resolve }) => {
      if (!ready() && this.outcome === undefined) return true
      resolve(this)
      return false
    })
  }

  /** Waits until `ready` or until nothing more can come. */
  until(ready) {
    return new Promise((resolve) => {
      this.#waiting.push({ ready, resolve })
      this.#look()
    })
  }

  /** Waits for this text. */
  heard(text) {
    return this.until(() => this.received.includes(text))
  }

  /** Waits for the other side's end. */
  ended() {
    return this.until(() => false)
  }

  write(data) {
    this.socket.write(data, 'latin1')
    return this
  }

  /** Like write, and waits until the kernel has it. */
  sent(data) {
    return new Promise((resolve) => this.socket.write(data, 'latin1', () => resolve(this)))
  }

  finish() {
    this.socket.end()
    return this
  }

  reset() {
    this.socket.resetAndDestroy()
    return this.closed
  }

  destroy() {
    this.socket.destroy()
    return this.closed
  }

  /** The status codes heard so far, of heads and interim heads alike. */
  get statuses() {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  }
}

/** @returns a connected Peer */
async function connect(port, options) {
  const peer = new Peer(port, options)
  await peer.connected
  return peer
}

/** One whole request on a connection of its own, which must be answered 200. */
async function get(port, path = '/') {
  const peer = await connect(port)
  peer.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  await peer.ended()
  await peer.closed
  if (peer.statuses[0] !== 200) throw new Error(`GET ${path}: ${peer.outcome} after ${JSON.stringify(peer.received)}`)
  return peer.received.slice(peer.received.indexOf('\r\n\r\n') + 4)
}

module.exports = { connect, get, Peer }
