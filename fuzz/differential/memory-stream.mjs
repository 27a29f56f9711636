// A connection without a socket: what the test sends is pushed, what the program writes is observed.
import { Duplex } from 'node:stream'

export class MemoryStream extends Duplex {
  /** @type {import('./observation.mjs').Observation} */
  observation
  /** Called with each write; of client's connections, whose output is not compared. */
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

  /** What net.Socket has, and http calls where it is there. */
  destroySoon() {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  /** An agent calls these of a connection that it keeps. No time runs out here. */
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

  /** @param {Buffer} bytes that the peer sends; nobody gets them once the connection is gone */
  receive(bytes) {
    if (!this.destroyed && !this.readableEnded) this.push(bytes)
  }

  /** The peer sends no more. */
  receiveEnd() {
    if (!this.destroyed && !this.readableEnded) this.push(null)
  }
}
