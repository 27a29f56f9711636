/**
 * This JavaScript thread's end of the hand-off: reads batches of records from the I/O threads, passes them to the connections, and
 * sends the records that those write.
 */
import { AfterPhase } from './after-phase.js'
import { deliver, restOfRead, words, type FastBuffer } from './record-reader.js'
import { Acknowledgements } from './acknowledgements.js'
import { BindingEnvironment, type NativeEnvironment } from './native.js'
import type { NativeClientReceiver, NativeListener, NativeReceiver } from './receiver.js'
import { Phase, phaseMemory } from './phase.js'
import { beforeProcessEnds } from '../node-parity/process-end.js'
import { runTicks } from '../node-parity/run-ticks.js'
import { addresses, deliverToServer, failures, isOfServer } from './endpoint-records.js'
import { RecordWriter, SCRATCH, type Target } from './record-writer.js'
import * as fields from '../../native/record-fields.js'
import * as r from '../../native/records.js'
import { isEarlyEnd } from './response-error.js'
import { kOpened } from '../symbols.js'
import { nextTick, now } from '../timers.js'
import { Settling } from './settling.js'
import type { BodyChunk, MessagePart, MessageTransport, SettledMessage } from './transport.js'

/** The time in ms that handlers may run before their answers so far are sent. */
const FLUSH_AFTER = 0.5
/** The time in ms that one batch may occupy the event loop. */
const YIELD_AFTER = 1
/** The clock is read after this many requests, while they take less than `QUICK` ms in all. */
const CLOCK_STEP = 8
const QUICK = 0.1

/** The rest of a batch is searched for other messages if it has at most this many records. A longer one has another message. */
const FEW_RECORDS = 12

/** In place of a connection's slot: no record was served since the last ticks; or the next record is from another read, or of a server. */
const NONE = -1
const NO_SLOT = -2
/** As NO_SLOT, after a message with trailers. */
const AFTER_TRAILERS = -3

class Environment {
  readonly native: NativeEnvironment
  readonly servers = new Map<number, NativeListener>()
  /** Servers that do not listen any more, until all I/O threads have confirmed it. */
  readonly closing = new Set<number>()
  /** Closed servers to which connections may still be reported. */
  readonly outliving = new Set<number>()
  readonly connections: (NativeReceiver | undefined)[] = []
  /** Connections whose slot has another connection already, until their last records have been read. */
  readonly #displaced: NativeReceiver[] = []

  #in: FastBuffer
  #inWords: Uint32Array
  #at = 0
  #end = 0
  /** The slot of the connection whose record is being served; NO_SLOT for a server's. */
  #slot = NONE
  /** The memory of the last large body part, if other parts share it. */
  #chunk: Buffer | null = null
  #running = false

  readonly #writer: RecordWriter
  #flushScheduled = false
  /** Decides when records that are written outside batches are sent. */
  readonly #phase: Phase
  /** Copies records into `#in`, see `BindingEnvironment.crossing`. */
  readonly #drain: () => number
  /** A callback is due after one of the records that are being gathered. */
  #awaited = false
  /** Length of the longest body among the records that are being gathered, in characters or bytes. */
  #gatheredLength = 0
  /** Bytes of the body parts that have been served of one read, see `#sameReadContinues`. */
  #readBytes = 0
  #lastFlush = 0
  /** Number of calls under way that write several records, which are sent together. */
  #gathering = 0
  readonly afterPhase: AfterPhase
  readonly #settling = new Settling()
  readonly #acknowledgements = new Acknowledgements()

  #refs = 0
  /** Number of clients' connections among `connections` and `#displaced`. */
  #clients = 0

  constructor() {
    this.#in = scratch(SCRATCH)
    this.#inWords = words(this.#in)
    const out = scratch(SCRATCH)
    const phase = phaseMemory()
    this.#phase = new Phase(phase, now)
    this.afterPhase = new AfterPhase(this.#phase, (on) => (on ? this.ref() : this.unref()))
    this.native = new BindingEnvironment(
      () => this.#onWake(),
      () => {
        this.flush()
        this.afterPhase.run()
      },
      { phase: new Uint8Array(phase), inbound: this.#in, outbound: out },
    )
    const { drain, flush } = this.native.crossing()
    this.#drain = drain
    this.#writer = new RecordWriter(this.native, flush, out, () => this.#send(false))
    beforeProcessEnds(() => {
      this.#send(true)
      this.native.settle()
    })
  }

  /** Counts one more thing that keeps the event loop alive. */
  ref(): void {
    if (this.#refs++ === 0) this.native.setRef(true)
  }

  unref(): void {
    if (--this.#refs === 0) this.native.setRef(false)
  }

  /** See `Phase`. */
  get turn(): number {
    return this.#phase.turn
  }

  // ---- inbound -------------------------------------------------------------------------------------------------

  #onWake(): void {
    this.#running = true
    this.#gathering = 0
    let finished = false
    try {
      finished = this.#run()
    } finally {
      this.#running = false
      this.flush()
      // Also when a handler has thrown.
      if (!finished) this.#serveInNextTurn()
    }
  }

  /** @returns false when it stopped before the queue was empty */
  #run(): boolean {
    const started = now()
    let checked = started
    let untilCheck = 1
    // The slot of the connection whose read is being served.
    let previous = NONE
    this.#lastFlush = started
    for (;;) {
      if (this.#at === this.#end) {
        // Answers are sent before the queue is read again, because the last one would wait for that.
        if (!this.#writer.isEmpty || this.#settling.isDue) this.flush()
        if (!this.#refill()) return true
        if (this.#mayBeAnswer()) return this.#serveInNextTurn()
      }
      const at = this.#at
      const word = at >> 2
      const inWords = this.#inWords
      const slot = fields.slot(inWords, word)
      const type = fields.kind(inWords, word)
      const isCopy = type === r.IN_BODY && (fields.flags(inWords, word) & r.BODY_TAP) !== 0
      // Node runs ticks between two reads and after each body part of a request, but not between the requests that one read
      // brought. A record that is not part of a request, above all that of the peer's FIN, is from another read.
      if (
        previous !== NONE &&
        (slot !== previous ||
          type < r.IN_HEAD ||
          type > r.IN_ERROR ||
          (type === r.IN_ERROR && isEarlyEnd(fields.errorKind(inWords, word))))
      ) {
        const answersTrailers = previous === AFTER_TRAILERS
        previous = NONE
        if (type === r.IN_END && !this.#writer.isEmpty) this.#sendEarlyAnswer(slot, fields.generation(inWords, word))
        runTicks()
        if (answersTrailers && !this.#writer.isEmpty) {
          this.flush()
          runTicks()
        }
      }
      if (type === r.IN_RESPONSE && this.#isOfThisTurn(slot, fields.generation(inWords, word)))
        return this.#serveInNextTurn()
      const bodyLength = type === r.IN_BODY ? fields.bodyLength(inWords, word) : 0
      // The cursor moves first, so that the record is not served twice if its handler throws.
      this.#at = at + fields.length(inWords, word)
      this.#slot = slot
      if (type === r.IN_HEAD) this.#phase.countServed()
      if (this.#dispatch(inWords, word, at)) {
        previous =
          (type === r.IN_BODY || type === r.IN_RESPONSE) &&
          (isCopy || !this.#sameReadContinues(slot, fields.generation(inWords, word), bodyLength))
            ? NO_SLOT
            : // Node's parser passes trailers on by a call of their own, after which ticks run.
              type === r.IN_END && fields.endTrailersLength(inWords, word) > 0
              ? AFTER_TRAILERS
              : this.#slot
        if (--untilCheck > 0) continue
        const time = now()
        untilCheck = time - checked < QUICK ? CLOCK_STEP : 1
        checked = time
        // The records of one read are served in one turn, as in Node.
        if (time - started >= YIELD_AFTER && !this.#nextIsFor(slot)) {
          this.flush(time)
          if (this.#at < this.#end) return false
          // The flush has acknowledged its writes, so acknowledgements need no turn of the event loop.
          if (!this.#refill()) return true
          if (this.#mayBeAnswer()) return this.#serveInNextTurn()
        }
        if (time - this.#lastFlush >= FLUSH_AFTER) {
          // The messages are settled after the read: as in Node no 'finish' is emitted between its requests.
          if (previous === slot && this.#nextIsFor(slot)) this.#sendUntil(time)
          else this.flush(time)
        }
      }
    }
  }

  /**
   * Whether the next record is of the same connection and the same read as the one that was just served.
   * @param served length of that record's body part in bytes, 0 if it is a head
   */
  #sameReadContinues(slot: number, generation: number, served: number): boolean {
    const length = served === 0 ? 0 : this.#readBytes + served
    this.#readBytes = 0
    const connection = this.#find(slot, generation)
    if (!this.#nextIsFor(slot) || connection === undefined) return false
    const word = this.#at >> 2
    const inWords = this.#inWords
    const kind = fields.kind(inWords, word)
    const cutOff = kind === r.IN_ERROR && isEarlyEnd(fields.errorKind(inWords, word))
    const next = kind === r.IN_BODY && served !== 0 ? fields.bodyLength(inWords, word) : 0
    if (!connection.continuesRead(kind, fields.flags(inWords, word), cutOff, length + next)) return false
    this.#readBytes = length
    return true
  }

  /**
   * Whether the new records may be answers to records that were sent in this turn, because this thread's clients may be connected
   * to its own servers. Node would read those in the next turn, after `setImmediate`. Acknowledgements come from the kernel at
   * once.
   */
  #mayBeAnswer(): boolean {
    return this.#clients > 0 && this.#phase.hasSent && fields.kind(this.#inWords, 0) !== r.IN_ACK
  }

  /** Sends an answer that was written before its request had ended. Node has sent it by now, and emits 'finish' in these ticks. */
  #sendEarlyAnswer(slot: number, generation: number): void {
    const connection = this.#find(slot, generation)
    if (connection?.isClient === false && connection.answersEarly) this.flush()
  }

  /**
   * Whether the connection of a response was reported as connected in this turn of the event loop. In Node the request would be
   * sent now, and the response would arrive in a later turn, after `setImmediate`.
   */
  #isOfThisTurn(slot: number, generation: number): boolean {
    const connection = this.#find(slot, generation)
    return connection?.isClient === true && connection.connectedIn === this.turn
  }

  /** Serves the records when the event loop next polls for I/O, after this turn's `setImmediate`. */
  #serveInNextTurn(): true {
    this.native.wake()
    return true
  }

  #nextIsFor(slot: number): boolean {
    return this.#at < this.#end && fields.slot(this.#inWords, this.#at >> 2) === slot
  }

  #refill(): boolean {
    let length = this.#drain()
    if (length < 0) {
      this.#in = scratch(-length)
      this.#inWords = words(this.#in)
      this.native.setInbound(this.#in)
      length = this.#drain()
    }
    this.#at = 0
    this.#end = length
    return length > 0
  }

  /** @returns whether code of the program may have run */
  #dispatch(inWords: Uint32Array, word: number, at: number): boolean {
    const type = fields.kind(inWords, word)
    const slot = fields.slot(inWords, word)
    const generation = fields.generation(inWords, word)
    if (type === r.IN_OPEN) {
      const id = fields.endpointsNumber(inWords, word)
      const server = this.servers.get(id)
      // Reported also when it has closed already: its peer may have caused the server to close.
      if (server === undefined || (this.closing.has(id) && this.native.isOpen(slot, generation))) {
        // Accepted before the server closed, and too late to be reported.
        this.command({ slot, generation }, r.OUT_CLOSE, r.CLOSE_DESTROY)
        return false
      }
      return server[kOpened](slot, generation, addresses(this.#in, inWords, at))
    }
    if (isOfServer(type)) {
      this.#slot = NO_SLOT
      deliverToServer(this, this.#in, inWords, at)
      return true
    }
    const connection = this.#find(slot, generation)
    if (connection === undefined) return false
    if (type === r.IN_BODY && (fields.flags(inWords, word) & r.BODY_TAKE) !== 0) {
      connection.onBody(fields.flags(inWords, word), this.#largePart(inWords, word))
      return true
    }
    if (type === r.IN_CLOSED) {
      this.#remove(connection)
      connection.counters = [fields.closedReceived(inWords, word), fields.closedSent(inWords, word)]
      connection.onClosed(fields.closedErrno(inWords, word), fields.closedRequests(inWords, word))
      return true
    }
    if (connection.isClient && (type === r.IN_CONNECTED || type === r.IN_CONNECT_FAILED)) {
      this.#onAttempt(connection, type, word, at)
      return true
    }
    return deliver(connection, this.#in, inWords, at, false)
  }

  /** See `Port`. */
  restOfRead({ slot, generation }: Target): number {
    return this.#running && this.#slot === slot ? restOfRead(this.#inWords, this.#at, this.#end, slot, generation) : 0
  }

  /** A connection whose last records have not all been read, although its slot may have a successor. */
  #find(slot: number, generation: number): NativeReceiver | undefined {
    const connection = this.connections[slot]
    if (connection?.generation === generation) return connection
    return this.#displaced.find((one) => one.slot === slot && one.generation === generation)
  }

  /** The outcome of an attempt to connect. */
  #onAttempt(connection: NativeClientReceiver, type: number, word: number, at: number): void {
    const inWords = this.#inWords
    if (type === r.IN_CONNECTED) {
      connection.connectedIn = this.turn
      connection.onConnected(fields.endpointsNumber(inWords, word), addresses(this.#in, inWords, at))
      return
    }
    this.#remove(connection)
    connection.onConnectFailed(failures(inWords, at))
  }

  /** A body part in memory of its own, which it may share with the part before it. */
  #largePart(inWords: Uint32Array, word: number): Buffer {
    const length = fields.largeBodyLength(inWords, word)
    const offset = fields.largeBodyOffset(inWords, word)
    const chunk = offset === 0 ? this.native.takeChunk(fields.largeBodyChunk(inWords, word)) : this.#chunk!
    if (length === chunk.length) return chunk
    this.#chunk = chunk
    return chunk.subarray(offset, offset + length)
  }

  /**
   * Adds a connection. The slot may still have a connection that has closed, whose last records have not been read. A server's
   * connection may be the one that has closed: it is reported after a client's connection has been given its slot.
   */
  add(connection: NativeReceiver): void {
    const { slot, generation } = connection
    const other = this.connections[slot]
    if (other !== undefined && ((generation - other.generation) | 0) < 0) {
      this.#displaced.push(connection)
    } else {
      if (other !== undefined) this.#displaced.push(other)
      this.connections[slot] = connection
    }
    if (!connection.isClient) return
    this.#clients++
    this.#phase.noteSent()
  }

  #remove(connection: NativeReceiver): void {
    if (connection.isClient) this.#clients--
    if (this.connections[connection.slot] === connection) this.connections[connection.slot] = undefined
    else this.#displaced.splice(this.#displaced.indexOf(connection), 1)
  }

  // ---- outbound ------------------------------------------------------------------------------------------------

  /** Sends everything written so far. The next flush settles the messages. */
  send(): void {
    this.#send(false)
  }

  /** As `send`, but this thread makes the system calls itself, unless an I/O thread is still busy with earlier writes. */
  sendAtOnce(): void {
    this.#send(true)
  }

  /**
   * Sends everything, and returns the number of bytes of a connection that the kernel has not accepted. Null when the connection
   * has ended or failed, which may not be reported yet: its last bytes are not sent.
   */
  unsent({ slot, generation }: Target): number | null {
    this.#send(true)
    return this.native.unsent(slot, generation)
  }

  #send(atOnce: boolean): void {
    const writer = this.#writer
    this.#awaited = false
    if (!writer.isEmpty) {
      this.#phase.noteSent()
      const parsed = writer.send(atOnce)
      // Only now: if a stack overflow prevents this flush, the end of the phase still sends one.
      this.#phase.endWait()
      if (!parsed) reportMalformed()
    }
    if (writer.hasAcks) writer.readAcks(this.#takeAcks)
    this.#acknowledgements.schedule()
    this.#settling.noteSent()
  }

  readonly #takeAcks = (slot: number, generation: number, count: number): void => {
    const connection = this.connections[slot]
    if (connection?.generation === generation) this.#acknowledgements.add(connection, count)
  }

  /** Sends everything written so far, and settles the messages that end with it. */
  flush(time = 0): void {
    this.#sendUntil(time || now())
    this.#settling.settle()
  }

  #sendUntil(time: number): void {
    this.#send(false)
    this.#lastFlush = time
  }

  /** Settles `message` after the next flush. */
  settleAfterFlush(message: SettledMessage): void {
    this.#scheduleFlush()
    this.#settling.add(message)
  }

  /** See `Port`. */
  settlePresumed(message: SettledMessage): void {
    if (this.#running) this.#settling.addPresumed(message, this.#writer.isEmpty)
    else {
      this.#scheduleFlush()
      this.#settling.addAwaited(message)
    }
  }

  /** See `Port`. */
  isSettling(connection: MessageTransport, response: SettledMessage): boolean {
    return this.#settling.includesAhead(connection, response)
  }

  /** See `Port`. */
  recall(connection: MessageTransport): SettledMessage[] {
    return this.#settling.recall(connection)
  }

  /**
   * Schedules a flush, before anything is written: after a stack overflow in any later call, committed records are sent by it.
   * `#flushScheduled` is set last, because `nextTick` may throw, too.
   */
  #scheduleFlush(): void {
    if (this.#running || this.#flushScheduled) return
    // A tick runs after the promise jobs that are due, so their answers are sent by the same flush.
    nextTick(flushScheduled)
    this.#flushScheduled = true
  }

  /**
   * Records written between `gather(true)` and the matching `gather(false)` are sent together, at once or with the rest of this
   * turn.
   */
  gather(on: boolean, atOnce = true): void {
    if (on) {
      this.#gathering++
    } else if (this.#gathering > 0) {
      this.#gathering--
      if (this.#gathering > 0) return
      const length = this.#gatheredLength
      this.#gatheredLength = 0
      if (this.#writer.isEmpty) return
      if (this.#awaited) {
        this.#phase.mustSendNow(length)
        this.#send(true)
      } else if (atOnce) {
        this.#sendUnlessWaiting(length)
      }
    }
  }

  scheduledFlush(): void {
    this.#flushScheduled = false
    // A stack overflow may have prevented a `gather(false)`.
    this.#gathering = 0
    this.#gatheredLength = 0
    if (this.#running) return
    // Records that wait for the end of the phase count as written, because a socket of Node has accepted them by now. A listener of
    // 'finish' may block this thread, so they are sent before it is called.
    if (this.#phase.waiting && !this.#settling.isAwaited) this.#settling.settle()
    else this.flush()
  }

  /**
   * Sends the written records now unless there is a reason to wait: the program may block this thread next, or end the process. In
   * a batch the other requests are such a reason, because their answers leave together.
   *
   * @param length of the body, in characters or bytes
   */
  #sendUnlessWaiting(length: number): void {
    if (this.#gathering > 0) {
      if (length > this.#gatheredLength) this.#gatheredLength = length
      return
    }
    if (this.#running) {
      if (this.#restNeedsNoAnswer()) this.#send(false)
      return
    }
    if (this.#phase.mustSendNow(length)) this.#send(false)
  }

  /**
   * Whether the rest of the batch has nothing that the program may answer: no head, and no body of another message than the one
   * that is being served. Other records (acknowledgements, closed connections) bring no answer.
   */
  #restNeedsNoAnswer(): boolean {
    const inWords = this.#inWords
    for (let at = this.#at, left = FEW_RECORDS; at < this.#end; at += fields.length(inWords, at >> 2)) {
      const word = at >> 2
      const type = fields.kind(inWords, word)
      if (left-- === 0 || type === r.IN_HEAD || type === r.IN_RESPONSE) return false
      if ((type === r.IN_BODY || type === r.IN_END) && fields.slot(inWords, word) !== this.#slot) return false
    }
    return true
  }

  /**
   * A callback is due after the records that have just been written. As in Node it is called in a tick that is queued now, so the
   * records do not wait for the end of the phase.
   */
  awaitWrites(): void {
    if (this.#running) return
    if (this.#gathering > 0) this.#awaited = true
    else if (this.#phase.waiting) this.#send(true)
  }

  /** Whether the next records wait for later ones: those of the batch that is being served, or of this phase of the event loop. */
  get nextWaits(): boolean {
    return this.#running || this.#phase.nextWaits
  }

  /** A response head, or a request's (OUT_REQUEST), with the first part of its body. */
  writeHead(connection: Target, part: MessagePart, flags: number, type = r.OUT_HEAD): void {
    const { body } = part
    this.#scheduleFlush()
    this.#writer.head(connection, type, part, flags)
    this.#sendUnlessWaiting(body === null ? 0 : body.length)
  }

  /** A body part (OUT_BODY) or bytes without framing (OUT_RAW). */
  writeBytes(connection: Target, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void {
    this.#scheduleFlush()
    this.#writer.bytes(connection, type, body, encoding, flags)
    if (type !== r.OUT_FEED) this.#sendUnlessWaiting(body.length)
  }

  /** Text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  writeText(connection: Target, type: number, text: string, flags: number): void {
    this.#scheduleFlush()
    this.#writer.text(connection, type, text, flags)
    this.#sendUnlessWaiting(0)
  }

  /** A command with numbers only. */
  command(connection: Target, type: number, first = 0, second = 0): void {
    this.#scheduleFlush()
    this.#writer.command(connection, type, first, second)
    // A socket of Node closes within destroy(): its peer is notified while the program continues.
    if (type === r.OUT_CLOSE && (first === r.CLOSE_DESTROY || first === r.CLOSE_RESET)) this.#sendUnlessWaiting(0)
  }
}

function scratch(size: number): FastBuffer {
  return Buffer.allocUnsafeSlow((size + 3) & ~3) as FastBuffer
}

export const environment = new Environment()

function flushScheduled(): void {
  environment.scheduledFlush()
}

/** A flush did not parse. None of it was sent, and its connections are closed, so that no peer receives bytes of another. */
function reportMalformed(): void {
  process.emitWarning('ferrohttp has written a flush that does not parse; the connections it names were closed', {
    code: 'ERR_FERROHTTP_INTERNAL',
  })
}
