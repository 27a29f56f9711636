// What a program observes of one connection, and how the connection ends.

/**
 * One message as the program receives it.
 *
 * @typedef {object} Message
 * @property {string} event the event that the message was an argument of
 * @property {string[]} start method, target and version, or version, status and reason
 * @property {string[]} headers as in `rawHeaders`
 * @property {string} body as latin1; of an upgrade: everything after the head
 * @property {string[]} trailers as in `rawTrailers`
 * @property {boolean} complete
 * @property {string} end how the stream ended: '' while it has not, 'end', or the code of its error
 */

/**
 * @typedef {object} Snapshot
 * @property {Message[]} messages
 * @property {string[]} errors the code of the first error, if there was one
 * @property {string} detail of that error: `bytesParsed` and `rawPacket`
 * @property {string} output the bytes that a server has written, as latin1
 * @property {boolean} closed whether the connection has ended
 * @property {boolean} kept of clients: whether the agent keeps the connection for another request
 */

export class Observation {
  /** @type {Message[]} */
  messages = []
  /** @type {string[]} */
  errors = []
  detail = ''
  output = ''
  closed = false
  kept = false
  /** Whether the peer could not send everything, so that it may not have received all answers. */
  broken = false
  /** Called after each observation. */
  onchange = () => {}

  /**
   * @param {string} event
   * @param {string[]} start
   * @param {import('node:http').IncomingMessage} incoming
   * @returns {Message}
   */
  message(event, start, incoming) {
    const message = {
      event,
      start,
      headers: [...incoming.rawHeaders],
      body: '',
      trailers: [],
      complete: false,
      end: '',
    }
    this.messages.push(message)
    this.onchange()
    return message
  }

  /**
   * Follows the body of a message to its end.
   *
   * @param {Message} message
   * @param {import('node:http').IncomingMessage} incoming
   * @param {() => void} [ended] called when the message is complete
   */
  follow(message, incoming, ended) {
    incoming.on('data', (part) => {
      message.body += part.latin1Slice()
      this.onchange()
    })
    const end = (how) => {
      message.end = how
      message.complete = incoming.complete
      message.trailers = [...incoming.rawTrailers]
      this.onchange()
    }
    incoming.on('end', () => {
      end('end')
      ended?.()
    })
    incoming.on('error', (error) => end(String(error.code)))
  }

  /**
   * Follows a connection that the program has received by 'upgrade' or 'connect'.
   *
   * @param {Message} message
   * @param {import('node:stream').Duplex} socket
   * @param {Buffer} head
   */
  followUpgraded(message, socket, head) {
    message.body += head.latin1Slice()
    socket.on('data', (part) => {
      message.body += part.latin1Slice()
      this.onchange()
    })
    socket.on('end', () => {
      message.end = 'end'
      this.onchange()
      socket.end()
    })
    socket.on('error', (error) => {
      message.end = String(error.code)
      this.onchange()
    })
  }

  /** @param {Error} error only the first one counts, because later ones depend on how the bytes were cut */
  error({ code, bytesParsed, rawPacket }) {
    if (this.errors.length === 0) {
      this.errors.push(String(code))
      this.detail = rawPacket === undefined ? '' : `${bytesParsed} of ${rawPacket.latin1Slice()}`
    }
    this.onchange()
  }

  /** @param {Buffer} part bytes that the program has written */
  wrote(part) {
    this.output += part.latin1Slice()
    this.onchange()
  }

  close() {
    if (this.closed) return
    this.closed = true
    this.onchange()
  }

  /** @returns {Snapshot} a copy of the observations so far */
  snapshot() {
    const messages = this.messages.map((message) => ({ ...message }))
    const output = this.output.includes('Date: ') ? this.output.replaceAll(/Date: [^\r]*/g, 'Date: …') : this.output
    return { messages, errors: [...this.errors], detail: this.detail, output, closed: this.closed, kept: this.kept }
  }
}
