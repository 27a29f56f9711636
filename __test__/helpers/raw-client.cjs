'use strict'
// A client that sends and receives bytes. It parses HTTP only to find the end of a response.
const net = require('node:net')
const { once } = require('node:events')

/** Errors of writing to and reading from a peer that has closed or reset. They are in the transcript, and are not thrown. */
const ENDINGS = new Set(['ECONNABORTED', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'])

/**
 * One conversation: connects, writes the parts one after the other, each in a write of its own, and collects everything
 * until the connection is closed by the peer. Resolves to the bytes as a latin1 string.
 * @param {number | string | object} target port on 127.0.0.1, path of a Unix socket, or options of net.connect
 * @param {...(string | Uint8Array)} parts strings are latin1
 */
async function rawExchange(target, ...parts) {
  const client = await RawClient.connect(target)
  for (const part of parts) await client.write(part)
  await client.closed
  return client.received
}

/** The same conversation step by step. Reading removes bytes from the front; `received` has all of them. */
class RawClient {
  /** Everything that ever arrived, latin1. */
  received = ''
  /** True once the peer has sent its FIN. */
  ended = false
  /** Error code with which the connection ended, null for none. Node 20 reports a reset immediately after data as an end. */
  code = null
  #taken = 0
  #arrived = new Set()

  static async connect(target) {
    const options = typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target
    const socket = net.connect(typeof options === 'string' ? { path: options } : { allowHalfOpen: true, ...options })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  constructor(socket) {
    this.socket = socket.setNoDelay(true).setEncoding('latin1')
    /** Resolves to `{ code }` when the connection is closed. The peer's FIN is answered with ours. */
    this.closed = new Promise((resolve, reject) => {
      socket.on('error', (error) => {
        this.code = error.code
        if (!ENDINGS.has(error.code)) reject(error)
      })
      socket.on('close', () => {
        resolve({ code: this.code })
        this.#wake()
      })
    })
    // Without a listener for `closed` the error is thrown by the next read or write.
    this.closed.catch(() => {})
    socket.on('data', (text) => {
      this.received += text
      this.#wake()
    })
    socket.on('end', () => {
      this.ended = true
      this.#wake()
      if (!socket.writableEnded) socket.end()
    })
  }

  get localPort() {
    return this.socket.localPort
  }

  /** Bytes that have arrived and have not been read. */
  get rest() {
    return this.received.slice(this.#taken)
  }

  /** Resolves when the kernel has accepted the bytes, or when the connection has closed. */
  write(bytes) {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    return new Promise((resolve, reject) => {
      this.socket.write(data, (error) => (error && !ENDINGS.has(error.code) ? reject(error) : resolve()))
    })
  }

  /** Sends FIN; the peer may go on writing. */
  end() {
    this.socket.end()
  }

  /** Sends RST. */
  reset() {
    this.socket.resetAndDestroy()
  }

  /** Stops reading, so that the peer's window fills. */
  pause() {
    this.socket.pause()
  }

  resume() {
    this.socket.resume()
  }

  /** Reads up to and including `marker`. Rejects when the connection ends before it. */
  async readUntil(marker) {
    for (;;) {
      const at = this.received.indexOf(marker, this.#taken)
      if (at >= 0) return this.#take(at + marker.length)
      await this.#more(`before ${JSON.stringify(marker)}`)
    }
  }

  /** Reads exactly `length` bytes. */
  async readBytes(length) {
    while (this.received.length - this.#taken < length) await this.#more(`before ${length} bytes`)
    return this.#take(this.#taken + length)
  }

  /** Reads the remaining bytes up to the peer's FIN or reset. */
  async readToEnd() {
    while (!this.#finished()) await this.#arrival()
    return this.#take(this.received.length)
  }

  /**
   * Reads one response, interim ones included, one call each.
   * @param {{ bodyless?: boolean }} options `bodyless` for the answer to HEAD
   * @returns {Promise<{ status: number, head: string, headers: [string, string][], body: string, trailers: string }>}
   *   `head` as received without the empty line, `body` decoded
   */
  async readResponse({ bodyless = false } = {}) {
    const head = (await this.readUntil('\r\n\r\n')).slice(0, -4)
    const [line, ...fields] = head.split('\r\n')
    const status = Number(line.split(' ')[1])
    const headers = fields.map((field) => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon), field.slice(colon + 1).trim()]
    })
    const result = { status, head, headers, body: '', trailers: '' }
    if (bodyless || status < 200 || status === 204 || status === 304) return result
    const value = (wanted) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
    if (value('transfer-encoding') === 'chunked') return Object.assign(result, await this.#readChunks())
    const length = value('content-length')
    result.body = length === undefined ? await this.readToEnd() : await this.readBytes(Number(length))
    return result
  }

  async #readChunks() {
    let body = ''
    for (;;) {
      const size = Number.parseInt(await this.readUntil('\r\n'), 16)
      if (size === 0) break
      body += await this.readBytes(size)
      await this.readUntil('\r\n')
    }
    let trailers = ''
    for (let line = await this.readUntil('\r\n'); line !== '\r\n'; line = await this.readUntil('\r\n')) trailers += line
    return { body, trailers }
  }

  #take(to) {
    const text = this.received.slice(this.#taken, to)
    this.#taken = to
    return text
  }

  #finished() {
    return this.ended || this.socket.destroyed
  }

  async #more(where) {
    if (this.#finished()) throw new Error(`connection ended ${where}; unread: ${JSON.stringify(this.rest)}`)
    await this.#arrival()
  }

  #arrival() {
    return new Promise((resolve) => this.#arrived.add(resolve))
  }

  #wake() {
    for (const resolve of this.#arrived) resolve()
    this.#arrived.clear()
  }
}

module.exports = { RawClient, rawExchange }
