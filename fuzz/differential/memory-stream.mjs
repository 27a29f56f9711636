// A connection without a socket: the test pushes the peer's bytes, and observes what the program writes.
import { Duplex } from 'node:stream'

export class MemoryStream extends Duplex {
  /** @type {import('./observation.mjs').Observation} */
  observation
  /** Called with each write of a client's connection, whose output is not compared. */
  onwrite = null

  /**
   * @param {import('./observation.mjs').Observation} observation
   * @param {boolean} allowHalfOpen as the sockets that Node makes for this role have it
   */
  constructor(observation, allowHalfOpen) {
    super({ allowHalfOpen })
    this.observation = observation
    this.on('error', () => {})
  }

  _read() {}

  _write(chunk, encoding, callback) {
    if (this.onwrite !== null) this.onwrite()
    else this.observation.wrote(chunk)
    callback()
  }

  _final(callback) {
    this.observation.close()
    callback()
  }

  _destroy(error, callback) {
    this.observation.close()
    callback(error)
  }

  /** A method of net.Socket that http calls if it exists. */
  destroySoon() {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  /** An agent calls these methods of a connection that it keeps. There are no timeouts here. */
  setTimeout() {
    return this
  }

  setKeepAlive() {
    return this
  }

  ref() {
    return this
  }

  unref() {
    return this
  }

  /** @param {Buffer} bytes that the peer sends; dropped if the connection has closed */
  receive(bytes) {
    if (!this.destroyed && !this.readableEnded) this.push(bytes)
  }

  /** The peer sends no more. */
  receiveEnd() {
    if (!this.destroyed && !this.readableEnded) this.push(null)
  }
}
