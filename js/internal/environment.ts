/**
 * This JavaScript thread's end of the hand-off: takes batches of records from the I/O threads, gives them to the
 * connections, and sends what those write.
 */
import { Connection } from './connection.js'
import type { NativeClient } from './native-client.js'
import type { Server } from '../server.js'
import { ConnectionSocket } from '../socket.js'
import { deliver, words, type FastBuffer } from './inbound.js'
import { forEachIsolated } from './isolate.js'
import { BindingEnvironment, type NativeEnvironment } from './native.js'
import type { Port, SocketSide } from './port.js'
import * as r from './records.js'
import { isEarlyEnd } from './response-error.js'
import { kClosed, kDropped, kOpened } from './symbols.js'
import { now } from './timers.js'
import { kSettle, type BodyChunk, type SettledMessage } from './transport.js'

/** Both scratch buffers. A batch of a few hundred small requests fits; what does not comes in several parts. */
const SCRATCH = 256 * 1024

/**
 * Bodies of this size and more are not copied into the scratch buffer: the I/O thread writes them from the program's
 * memory, which costs a reference.
 */
const HELD_SIZE = 16 * 1024

/** How long handlers may run before what they have answered so far is sent, in ms. */
const FLUSH_AFTER = 0.5
/** How long one batch may keep the event loop from its other duties, in ms. */
const YIELD_AFTER = 1
/** The clock is asked after so many requests, as long as they take less than `QUICK` ms in all. */
const CLOCK_STEP = 8
const QUICK = 0.1

/** Whom a record is for. */
interface Target {
  readonly slot: number
  readonly generation: number
}

/** No connection's slot: nothing has run since the last ticks, or what comes next is not of the same read. */
const NOBODY = -1
const NO_SLOT = -2

/** Runs what `process.nextTick` and promises have queued, as Node does between two callbacks from native code. */
const runTicks = (process as unknown as { _tickCallback?: () => void })._tickCallback ?? (() => {})

class Environment implements Port {
  readonly native: NativeEnvironment
  readonly servers = new Map<number, Server>()
  /** Those of them that listen no longer and have not been told so by all I/O threads. */
  readonly closing = new Set<number>()
  readonly connections: (Connection | NativeClient | undefined)[] = []
  /** Connections whose slot has a successor already: their last records are still on their way. */
  readonly #displaced: (Connection | NativeClient)[] = []

  #in: FastBuffer
  #inWords: Uint32Array
  #at = 0
  #end = 0
  /** What the last large body part is in, if it shares that with others. */
  #chunk: Buffer | null = null
  #running = false

  #out: FastBuffer
  #outWords: Uint32Array
  #used = 0
  /**
   * Heads, trailers and plain short bodies, in the order of their records. They are encoded in one go behind the records
   * when those are sent: one call into Node instead of one for each.
   */
  #text = ''
  #held: Uint8Array[] | null = null
  #flushScheduled = false
  #lastFlush = 0
  /** Something was sent, or a connection begun, since the event loop last came here. */
  #sent = false
  /** Messages whose END is in the scratch buffer and that nobody waits to be acknowledged. */
  #settling: SettledMessage[] = []

  /** Turns of the event loop in which it came here. */
  #turn = 0

  #refs = 0
  /** Client connections among `connections` and `#displaced`. */
  #clients = 0

  constructor() {
    this.#in = scratch(SCRATCH)
    this.#inWords = words(this.#in)
    this.#out = scratch(SCRATCH)
    this.#outWords = words(this.#out)
    this.native = new BindingEnvironment((inNewTurn) => this.#onWake(inNewTurn), this.#in, this.#out)
  }

  /** One more thing keeps the event loop alive. */
  ref(): void {
    if (this.#refs++ === 0) this.native.setRef(true)
  }

  unref(): void {
    if (--this.#refs === 0) this.native.setRef(false)
  }

  socketOf(connection: Connection): SocketSide {
    return new ConnectionSocket(connection)
  }

  forget(connection: Connection): void {
    connection.server[kClosed](connection)
  }

  // ---- inbound -------------------------------------------------------------------------------------------------

  #onWake(inNewTurn: boolean): void {
    if (inNewTurn) {
      this.#sent = false
      this.#turn++
    }
    this.#running = true
    let finished = false
    try {
      finished = this.#run()
    } finally {
      // Reached also when a handler threw: the rest of the batch is served in the next turn.
      this.#running = false
      this.flush()
      // Not by `setImmediate`: what a handler schedules so comes before the next look for I/O.
      if (!finished) this.native.wake()
    }
  }

  /** @returns false when it stopped before the queue was empty */
  #run(): boolean {
    const started = now()
    let checked = started
    let untilCheck = 1
    // The slot whose read is being served.
    let previous = NOBODY
    this.#lastFlush = started
    for (;;) {
      if (this.#at === this.#end) {
        // Answers leave before the queue is asked again: the last one would wait for that.
        if (this.#used > 0) this.flush()
        if (!this.#refill()) return true
        if (this.#mayBeAnswer()) return this.#leaveForNextTurn()
      }
      const at = this.#at
      const word = at >> 2
      const inWords = this.#inWords
      const slot = inWords[word + 2]!
      const type = inWords[word]! & 0xff
      // Node runs what is queued between two reads and behind every body part of a request, but not between the requests
      // that one read brought. Whatever is not part of a request (the peer's FIN above all) came by another read.
      if (
        previous !== NOBODY &&
        (slot !== previous ||
          type < r.IN_HEAD ||
          type > r.IN_ERROR ||
          (type === r.IN_ERROR && isEarlyEnd(inWords[word + 4]!)))
      ) {
        previous = NOBODY
        runTicks()
      }
      if (type === r.IN_RESPONSE && this.#isOfThisTurn(slot)) return this.#leaveForNextTurn()
      // Moved on before the record is served: it must not be served twice if its handler throws.
      this.#at = at + inWords[word + 1]!
      if (this.#dispatch(inWords, word, at)) {
        previous = (type === r.IN_BODY || type === r.IN_RESPONSE) && !this.#sameResponseGoesOn(slot) ? NO_SLOT : slot
        if (--untilCheck > 0) continue
        const time = now()
        untilCheck = time - checked < QUICK ? CLOCK_STEP : 1
        checked = time
        // What one peer sent in one go is served in one turn, as in Node.
        if (time - started >= YIELD_AFTER && !this.#nextIsFor(slot)) {
          this.flush(time)
          if (this.#at < this.#end) return false
          // What has just been written is acknowledged already, and that does not wait for the event loop.
          if (!this.#refill()) return true
          if (this.#mayBeAnswer()) return this.#leaveForNextTurn()
        }
        if (time - this.#lastFlush >= FLUSH_AFTER) this.flush(time)
      }
    }
  }

  /**
   * A client of Node parses all that one read brought before anything else runs: what follows in the same batch, but for
   * the peer's FIN and body parts so long that they will have had a read of their own.
   */
  #sameResponseGoesOn(slot: number): boolean {
    const connection = this.connections[slot]
    if (!this.#nextIsFor(slot) || connection === undefined || connection instanceof Connection) return false
    const word = this.#at >> 2
    const first = this.#inWords[word]!
    switch (first & 0xff) {
      case r.IN_BODY:
        return (first & (r.BODY_TAKE << 8)) === 0
      case r.IN_END:
        return !connection.untilClose
      case r.IN_ERROR:
        return !isEarlyEnd(this.#inWords[word + 4]!)
      default:
        return false
    }
  }

  /**
   * Whether what has just been taken may be the effect of what has been sent since the event loop came here, because this
   * thread's clients have its servers as peers. Node finds it in the next turn, behind `setImmediate`. Acknowledgements are
   * the kernel's.
   */
  #mayBeAnswer(): boolean {
    return this.#sent && this.#clients > 0 && (this.#inWords[0]! & 0xff) !== r.IN_ACK
  }

  /**
   * Whether the connection of a response has been reported in this turn of the event loop. Its request has left only then
   * for the program, which would find the response in a later turn with Node: behind its `setImmediate`.
   */
  #isOfThisTurn(slot: number): boolean {
    const connection = this.connections[slot]
    return connection !== undefined && !(connection instanceof Connection) && connection.connectedIn === this.#turn
  }

  /** What has been taken is served when the event loop next looks for I/O, and not behind this turn's `setImmediate`. */
  #leaveForNextTurn(): true {
    this.native.wake()
    return true
  }

  #nextIsFor(slot: number): boolean {
    return this.#at < this.#end && this.#inWords[(this.#at >> 2) + 2] === slot
  }

  #refill(): boolean {
    let length = this.native.drain()
    if (length < 0) {
      this.#in = scratch(-length)
      this.#inWords = words(this.#in)
      this.native.setInbound(this.#in)
      length = this.native.drain()
    }
    this.#at = 0
    this.#end = length
    return length > 0
  }

  /** @returns whether a program's code may have run */
  #dispatch(inWords: Uint32Array, word: number, at: number): boolean {
    const first = inWords[word]!
    const type = first & 0xff
    const slot = inWords[word + 2]!
    const generation = inWords[word + 3]!
    if (type === r.IN_OPEN) {
      const server = this.servers.get(inWords[word + 4]!)
      // Who has come and gone is told of all the same: what its peer saw of it may be why the server closes.
      if (server === undefined || (this.closing.has(inWords[word + 4]!) && this.native.isOpen(slot, generation))) {
        // Accepted before the server closed, and too late to be told of.
        this.command({ slot, generation }, r.OUT_CLOSE, r.CLOSE_DESTROY)
        return false
      }
      const connection = new Connection(slot, generation, server, this, server.highWaterMark, server.highWaterMark)
      connection.addresses = this.#addresses(inWords, word, at)
      this.adopt(connection)
      this.ref()
      return server[kOpened](connection)
    }
    if (type === r.IN_LISTENER_CLOSED || type === r.IN_DROPPED) {
      const server = this.servers.get(slot)
      if (type === r.IN_DROPPED) {
        server?.[kDropped](this.#addresses(inWords, word, at))
      } else {
        this.servers.delete(slot)
        this.closing.delete(slot)
      }
      return true
    }
    let connection = this.connections[slot]
    if (connection === undefined || connection.generation !== generation) {
      connection = this.#displaced.find((one) => one.slot === slot && one.generation === generation)
      if (connection === undefined) return false
    }
    if (type === r.IN_BODY && (first & (r.BODY_TAKE << 8)) !== 0) {
      connection.onBody(first >>> 8, this.#largePart(inWords, word))
      return true
    }
    if (type === r.IN_CLOSED) {
      this.#dismiss(connection)
      if (connection instanceof Connection && connection.holding) this.unref()
      connection.counters = [
        inWords[word + 5]! + inWords[word + 6]! * 2 ** 32,
        inWords[word + 7]! + inWords[word + 8]! * 2 ** 32,
      ]
      connection.onClosed(inWords[word + 4]!)
      return true
    }
    if (type === r.IN_CONNECTED) {
      ;(connection as NativeClient).connectedIn = this.#turn
      ;(connection as NativeClient).onConnected(inWords[word + 4]!, this.#addresses(inWords, word, at))
      return true
    }
    if (type === r.IN_CONNECT_FAILED) {
      this.#dismiss(connection)
      const failures = Array.from({ length: inWords[word + 4]! }, (_, i) => {
        const own = word + 5 + i * 3
        return { errno: inWords[own]!, step: inWords[own + 1]!, index: inWords[own + 2]! }
      })
      ;(connection as NativeClient).onConnectFailed(failures)
      return true
    }
    return deliver(connection, this.#in, inWords, at, false)
  }

  /** A body part in memory of its own, or that the part before it came in, too. */
  #largePart(inWords: Uint32Array, word: number): Buffer {
    const length = inWords[word + 4]!
    const offset = inWords[word + 6]!
    const chunk = offset === 0 ? this.native.takeChunk(inWords[word + 5]!) : this.#chunk!
    if (length === chunk.length) return chunk
    this.#chunk = chunk
    return chunk.subarray(offset, offset + length)
  }

  /** Of a record that tells of a connection's ends. */
  #addresses(inWords: Uint32Array, word: number, at: number): string {
    const length = inWords[word + 5]!
    const start = at + r.HEADER + 8
    return length === 0 ? '' : this.#in.latin1Slice(start, start + length)
  }

  /** The connection has its slot. Its predecessor may have left it and not be known here to be closed. */
  adopt(connection: Connection | NativeClient): void {
    const previous = this.connections[connection.slot]
    if (previous !== undefined) this.#displaced.push(previous)
    this.connections[connection.slot] = connection
    if (connection instanceof Connection) return
    this.#clients++
    this.#sent = true
  }

  #dismiss(connection: Connection | NativeClient): void {
    if (!(connection instanceof Connection)) this.#clients--
    if (this.connections[connection.slot] === connection) this.connections[connection.slot] = undefined
    else this.#displaced.splice(this.#displaced.indexOf(connection), 1)
  }

  // ---- outbound ------------------------------------------------------------------------------------------------

  /** Sends everything written so far; messages are settled by the flush that follows. */
  send(): void {
    if (this.#used === 0) return
    this.#sent = true
    const length = this.#used
    const text = this.#text
    const held = this.#held
    this.#used = 0
    this.#text = ''
    this.#held = null
    if (text !== '') this.#out.latin1Write(text, length)
    const acks = this.native.flush(length, text.length, held)
    if (acks > 0) this.#acknowledge(acks)
  }

  /** Sends everything written so far, and settles what it was the end of. */
  flush(time = 0): void {
    this.send()
    this.#lastFlush = time || now()
    if (this.#settling.length > 0) {
      const settling = this.#settling
      this.#settling = []
      forEachIsolated(settling, settle)
    }
  }

  /**
   * Tells of what a flush has written itself: `length` bytes of ACK records, in the buffer that it has sent. As with a
   * socket of Node whoever waits hears of it behind what is queued already.
   */
  #acknowledge(length: number): void {
    const acks: Acknowledgement[] = []
    for (let word = 0; word < length >> 2; word += this.#outWords[word + 1]! >> 2) {
      const connection = this.connections[this.#outWords[word + 2]!]
      if (connection?.generation === this.#outWords[word + 3]!)
        acks.push({ connection, count: this.#outWords[word + 4]! })
    }
    process.nextTick(forEachIsolated<Acknowledgement>, acks, tellWritten)
  }

  /** Has `message` settled after the next flush. */
  settleAfterFlush(message: SettledMessage): void {
    this.#settling.push(message)
    this.#scheduleFlush()
  }

  #scheduleFlush(): void {
    if (this.#running || this.#flushScheduled) return
    this.#flushScheduled = true
    // A tick runs behind the promise jobs that are due, so answers given in those share the flush.
    process.nextTick(flushScheduled)
  }

  scheduledFlush(): void {
    this.#flushScheduled = false
    if (!this.#running) this.flush()
  }

  /** Makes room for a record and its text, and returns where it begins; its length is written by `#close`. */
  #open(connection: Target, type: number, room: number): number {
    if (this.#used + this.#text.length + room > this.#out.length) {
      if (this.#used > 0) this.flush()
      if (room > this.#out.length) {
        this.#out = scratch(room)
        this.#outWords = words(this.#out)
        this.native.setOutbound(this.#out)
      }
    }
    const word = this.#used >> 2
    const out = this.#outWords
    out[word] = type
    out[word + 2] = connection.slot
    out[word + 3] = connection.generation
    return this.#used
  }

  #close(base: number, end: number): void {
    const length = (end - base + 3) & ~3
    this.#outWords[(base >> 2) + 1] = length
    this.#used = base + length
    if (!this.#running) this.#scheduleFlush()
  }

  /** Puts `chunk` at `at` or among the held buffers, notes its length, and returns where the record goes on. */
  #payload(base: number, lengthWord: number, at: number, chunk: BodyChunk, encoding: BufferEncoding): number {
    const out = this.#out
    if (typeof chunk === 'string') {
      const length =
        encoding === 'utf8' || encoding === 'utf-8'
          ? out.utf8Write(chunk, at)
          : encoding === 'latin1' || encoding === 'binary' || encoding === 'ascii'
            ? out.latin1Write(chunk, at)
            : out.write(chunk, at, encoding)
      this.#outWords[lengthWord] = length
      return at + length
    }
    this.#outWords[lengthWord] = chunk.length
    if (chunk.length >= HELD_SIZE) {
      this.#outWords[base >> 2]! |= r.HELD << 8
      ;(this.#held ??= []).push(chunk)
      return at
    }
    out.set(chunk, at)
    return at + chunk.length
  }

  /** A response head, or a request's (OUT_REQUEST), with the first part of its body. */
  writeHead(
    connection: Target,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    type = r.OUT_HEAD,
  ): void {
    const chunk = body === null ? null : storable(body, encoding)
    const base = this.#open(connection, type | (flags << 8), 28 + head.length + roomFor(chunk))
    const word = base >> 2
    const out = this.#outWords
    out[word + 4] = head.length
    if (encoding === 'latin1' && typeof chunk === 'string') {
      // Plain text comes this way, see `sending.ts`.
      out[word]! |= r.TEXT << 8
      out[word + 5] = chunk.length
      this.#text += head + chunk
      this.#close(base, base + 24)
      return
    }
    this.#text += head
    if (chunk === null) {
      out[word + 5] = 0
      this.#close(base, base + 24)
    } else {
      this.#close(base, this.#payload(base, word + 5, base + 24, chunk, encoding))
    }
  }

  /** A body part (OUT_BODY) or bytes without framing (OUT_RAW). */
  writeBytes(connection: Target, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void {
    const chunk = storable(body, encoding)
    const base = this.#open(connection, type | (flags << 8), 24 + roomFor(chunk))
    this.#close(base, this.#payload(base, (base >> 2) + 4, base + 20, chunk, encoding))
  }

  /** Text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  writeText(connection: Target, type: number, text: string, flags: number): void {
    const base = this.#open(connection, type | (flags << 8), 24 + text.length)
    this.#outWords[(base >> 2) + 4] = text.length
    this.#text += text
    this.#close(base, base + 20)
  }

  /** A command with numbers only. */
  command(connection: Target, type: number, first = 0, second = 0): void {
    const base = this.#open(connection, type, 24)
    this.#outWords[(base >> 2) + 4] = first
    this.#outWords[(base >> 2) + 5] = second
    this.#close(base, base + 24)
  }
}

/** Long text is encoded once, into a buffer of its own, instead of through the scratch buffer. */
function storable(body: BodyChunk, encoding: BufferEncoding): BodyChunk {
  return typeof body === 'string' && body.length >= HELD_SIZE ? Buffer.from(body, encoding) : body
}

/** Bytes that `body` may need in the scratch buffer. */
function roomFor(body: BodyChunk | null): number {
  if (body === null) return 0
  if (typeof body === 'string') return body.length * 3
  return body.length >= HELD_SIZE ? 0 : body.length
}

function scratch(size: number): FastBuffer {
  return Buffer.allocUnsafeSlow((size + 3) & ~3) as FastBuffer
}

interface Acknowledgement {
  readonly connection: Connection | NativeClient
  readonly count: number
}

function tellWritten({ connection, count }: Acknowledgement): void {
  connection.onAck(count)
}

function settle(message: SettledMessage): void {
  message[kSettle]()
}

export const environment = new Environment()

function flushScheduled(): void {
  environment.scheduledFlush()
}
