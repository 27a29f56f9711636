/**
 * This JavaScript thread's end of the hand-off: takes batches of records from the I/O threads, gives them to the
 * connections, and sends what those write.
 */
import { deliver, words, type FastBuffer } from './inbound.js'
import { forEachIsolated } from './isolated-callbacks.js'
import { BindingEnvironment, type NativeEnvironment } from './native.js'
import type { NativeClientReceiver, NativeListener, NativeReceiver } from './native-receiver.js'
import { Phase, phaseMemory } from './phase.js'
import { beforeProcessEnds } from './process-end.js'
import { RecordWriter, SCRATCH, type Target } from './record-writer.js'
import * as fields from '../native/record-fields.js'
import * as r from '../native/records.js'
import { isEarlyEnd } from './response-error.js'
import { kDropped, kOpened } from './symbols.js'
import { nextTick, now } from './timers.js'
import { kSettle, type BodyChunk, type SettledMessage } from './transport.js'

/** How long handlers may run before what they have answered so far is sent, in ms. */
const FLUSH_AFTER = 0.5
/** How long one batch may keep the event loop from its other duties, in ms. */
const YIELD_AFTER = 1
/** The clock is asked after so many requests, as long as they take less than `QUICK` ms in all. */
const CLOCK_STEP = 8
const QUICK = 0.1

/** What is left of a batch is looked through if it is at most so many records. More of them hold another message. */
const FEW_RECORDS = 12

/** No connection's slot: nothing has run since the last ticks, or what comes next is not of the same read. */
const NOBODY = -1
const NO_SLOT = -2

/** Runs what `process.nextTick` and promises have queued, as Node does between two callbacks from native code. */
const runTicks = (process as unknown as { _tickCallback?: () => void })._tickCallback ?? (() => {})

class Environment {
  readonly native: NativeEnvironment
  readonly servers = new Map<number, NativeListener>()
  /** Those of them that listen no longer and have not been told so by all I/O threads. */
  readonly closing = new Set<number>()
  /** Servers that are closed, and to which connections are reported still. */
  readonly outliving = new Set<number>()
  readonly connections: (NativeReceiver | undefined)[] = []
  /** Connections whose slot has a successor already: their last records are still on their way. */
  readonly #displaced: NativeReceiver[] = []

  #in: FastBuffer
  #inWords: Uint32Array
  #at = 0
  #end = 0
  /** Whose record is being served. */
  #slot = NOBODY
  /** What the last large body part is in, if it shares that with others. */
  #chunk: Buffer | null = null
  #running = false

  readonly #writer: RecordWriter
  #flushScheduled = false
  /** Of what is written outside batches. */
  readonly #phase: Phase
  /** Somebody is called back after one of the records that are being gathered. */
  #awaited = false
  /** Characters or bytes of the longest body among them. */
  #gatheredLength = 0
  #lastFlush = 0
  /** Something was sent, or a connection begun, since the event loop last came here. */
  #sent = false
  /** Calls under way that write several records, which leave together. */
  #gathering = 0
  /** Messages whose END is in the scratch buffer and that nobody waits to be acknowledged. */
  #settling: SettledMessage[] = []
  /** Connections with acknowledged writes whose callbacks have not been called. */
  #acknowledged: NativeReceiver[] = []
  #acksScheduled = false

  /** Turns of the event loop in which it came here. */
  #turn = 0

  #refs = 0
  /** Client connections among `connections` and `#displaced`. */
  #clients = 0

  constructor() {
    this.#in = scratch(SCRATCH)
    this.#inWords = words(this.#in)
    const out = scratch(SCRATCH)
    const phase = phaseMemory()
    this.#phase = new Phase(phase, now)
    this.native = new BindingEnvironment(
      (inNewTurn) => this.#onWake(inNewTurn),
      () => this.flush(),
      { phase: new Uint8Array(phase), inbound: this.#in, outbound: out },
    )
    this.#writer = new RecordWriter(this.native, out, () => this.#send(false))
    beforeProcessEnds(() => {
      this.#send(true)
      this.native.settle()
    })
  }

  /** One more thing keeps the event loop alive. */
  ref(): void {
    if (this.#refs++ === 0) this.native.setRef(true)
  }

  unref(): void {
    if (--this.#refs === 0) this.native.setRef(false)
  }

  // ---- inbound -------------------------------------------------------------------------------------------------

  #onWake(inNewTurn: boolean): void {
    if (inNewTurn) {
      this.#sent = false
      this.#turn++
    }
    this.#running = true
    this.#gathering = 0
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
        if (!this.#writer.isEmpty || this.#settling.length > 0) this.flush()
        if (!this.#refill()) return true
        if (this.#mayBeAnswer()) return this.#leaveForNextTurn()
      }
      const at = this.#at
      const word = at >> 2
      const inWords = this.#inWords
      const slot = fields.slot(inWords, word)
      const type = fields.kind(inWords, word)
      const isCopy = type === r.IN_BODY && (fields.flags(inWords, word) & r.BODY_TAP) !== 0
      // Node runs what is queued between two reads and behind every body part of a request, but not between the requests
      // that one read brought. Whatever is not part of a request (the peer's FIN above all) came by another read.
      if (
        previous !== NOBODY &&
        (slot !== previous ||
          type < r.IN_HEAD ||
          type > r.IN_ERROR ||
          (type === r.IN_ERROR && isEarlyEnd(fields.errorKind(inWords, word))))
      ) {
        previous = NOBODY
        if (type === r.IN_END && !this.#writer.isEmpty) this.#sendEarlyAnswer(slot, fields.generation(inWords, word))
        runTicks()
      }
      if (type === r.IN_RESPONSE && this.#isOfThisTurn(slot, fields.generation(inWords, word)))
        return this.#leaveForNextTurn()
      // Moved on before the record is served: it must not be served twice if its handler throws.
      this.#at = at + fields.length(inWords, word)
      this.#slot = slot
      if (this.#dispatch(inWords, word, at)) {
        previous =
          (type === r.IN_BODY || type === r.IN_RESPONSE) &&
          (isCopy || !this.#sameReadGoesOn(slot, fields.generation(inWords, word)))
            ? NO_SLOT
            : slot
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

  /** Whether the next record is for the same connection, and came by the same read as the one that was just served. */
  #sameReadGoesOn(slot: number, generation: number): boolean {
    const connection = this.#find(slot, generation)
    if (!this.#nextIsFor(slot) || connection === undefined) return false
    const word = this.#at >> 2
    const inWords = this.#inWords
    const kind = fields.kind(inWords, word)
    const cutOff = kind === r.IN_ERROR && isEarlyEnd(fields.errorKind(inWords, word))
    return connection.continuesRead(kind, fields.flags(inWords, word), cutOff)
  }

  /**
   * Whether what has just been taken may be the effect of what has been sent since the event loop came here, because this
   * thread's clients have its servers as peers. Node finds it in the next turn, behind `setImmediate`. Acknowledgements are
   * the kernel's.
   */
  #mayBeAnswer(): boolean {
    return this.#sent && this.#clients > 0 && fields.kind(this.#inWords, 0) !== r.IN_ACK
  }

  /** In Node an answer that was given before the request's end has left by then, and 'finish' is in its ticks. */
  #sendEarlyAnswer(slot: number, generation: number): void {
    const connection = this.#find(slot, generation)
    if (connection?.isClient === false && connection.answersEarly) this.flush()
  }

  /**
   * Whether the connection of a response has been reported in this turn of the event loop. Its request has left only then
   * for the program, which would find the response in a later turn with Node: behind its `setImmediate`.
   */
  #isOfThisTurn(slot: number, generation: number): boolean {
    const connection = this.#find(slot, generation)
    return connection?.isClient === true && connection.connectedIn === this.#turn
  }

  /** What has been taken is served when the event loop next looks for I/O, and not behind this turn's `setImmediate`. */
  #leaveForNextTurn(): true {
    this.native.wake()
    return true
  }

  #nextIsFor(slot: number): boolean {
    return this.#at < this.#end && fields.slot(this.#inWords, this.#at >> 2) === slot
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
    const type = fields.kind(inWords, word)
    const slot = fields.slot(inWords, word)
    const generation = fields.generation(inWords, word)
    if (type === r.IN_OPEN) {
      const id = fields.endpointsNumber(inWords, word)
      const server = this.servers.get(id)
      // Who has come and gone is told of all the same: what its peer saw of it may be why the server closes.
      if (server === undefined || (this.closing.has(id) && this.native.isOpen(slot, generation))) {
        // Accepted before the server closed, and too late to be told of.
        this.command({ slot, generation }, r.OUT_CLOSE, r.CLOSE_DESTROY)
        return false
      }
      return server[kOpened](slot, generation, this.#addresses(inWords, word, at))
    }
    if (type === r.IN_LISTENER_CLOSED || type === r.IN_DROPPED) {
      const server = this.servers.get(slot)
      if (type === r.IN_DROPPED) {
        server?.[kDropped](this.#addresses(inWords, word, at))
      } else {
        if (!this.outliving.has(slot)) this.servers.delete(slot)
        this.closing.delete(slot)
      }
      return true
    }
    const connection = this.#find(slot, generation)
    if (connection === undefined) return false
    if (type === r.IN_BODY && (fields.flags(inWords, word) & r.BODY_TAKE) !== 0) {
      connection.onBody(fields.flags(inWords, word), this.#largePart(inWords, word))
      return true
    }
    if (type === r.IN_CLOSED) {
      this.#dismiss(connection)
      connection.counters = [fields.closedReceived(inWords, word), fields.closedSent(inWords, word)]
      connection.onClosed(fields.closedErrno(inWords, word))
      return true
    }
    if (connection.isClient && (type === r.IN_CONNECTED || type === r.IN_CONNECT_FAILED)) {
      this.#onAttempt(connection, type, word, at)
      return true
    }
    return deliver(connection, this.#in, inWords, at, false)
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
      connection.connectedIn = this.#turn
      connection.onConnected(fields.endpointsNumber(inWords, word), this.#addresses(inWords, word, at))
      return
    }
    this.#dismiss(connection)
    const failures = Array.from({ length: fields.connectFailedAttempts(inWords, word) }, (_, i) => {
      const own = (at + fields.CONNECT_FAILED_PAYLOAD + i * fields.FAILURE_BYTES) >> 2
      return {
        errno: fields.failureErrno(inWords, own),
        step: fields.failureStep(inWords, own),
        index: fields.failureIndex(inWords, own),
      }
    })
    connection.onConnectFailed(failures)
  }

  /** A body part in memory of its own, or that the part before it came in, too. */
  #largePart(inWords: Uint32Array, word: number): Buffer {
    const length = fields.largeBodyLength(inWords, word)
    const offset = fields.largeBodyOffset(inWords, word)
    const chunk = offset === 0 ? this.native.takeChunk(fields.largeBodyChunk(inWords, word)) : this.#chunk!
    if (length === chunk.length) return chunk
    this.#chunk = chunk
    return chunk.subarray(offset, offset + length)
  }

  /** Of a record that tells of a connection's ends. */
  #addresses(inWords: Uint32Array, word: number, at: number): string {
    const length = fields.endpointsAddressesLength(inWords, word)
    const start = at + fields.ENDPOINTS_PAYLOAD
    return length === 0 ? '' : this.#in.latin1Slice(start, start + length)
  }

  /** The connection has its slot. Its predecessor may have left it and not be known here to be closed. */
  adopt(connection: NativeReceiver): void {
    const previous = this.connections[connection.slot]
    if (previous !== undefined) this.#displaced.push(previous)
    this.connections[connection.slot] = connection
    if (!connection.isClient) return
    this.#clients++
    this.#sent = true
  }

  #dismiss(connection: NativeReceiver): void {
    if (connection.isClient) this.#clients--
    if (this.connections[connection.slot] === connection) this.connections[connection.slot] = undefined
    else this.#displaced.splice(this.#displaced.indexOf(connection), 1)
  }

  // ---- outbound ------------------------------------------------------------------------------------------------

  /** Sends everything written so far; messages are settled by the flush that follows. */
  send(): void {
    this.#send(false)
  }

  /** The same, and this thread has asked the kernel itself when this returns, unless an I/O thread is still at earlier writes. */
  sendAtOnce(): void {
    this.#send(true)
  }

  /**
   * Bytes written to a connection that the kernel has not taken, after it has been asked once more. Null once the connection has
   * ended or failed, of which the program has not heard yet: what it wrote last is not sent.
   */
  unsent({ slot, generation }: Target): number | null {
    this.#send(true)
    return this.native.unsent(slot, generation)
  }

  #send(atOnce: boolean): void {
    const writer = this.#writer
    this.#awaited = false
    if (!writer.isEmpty) {
      this.#sent = true
      const parsed = writer.send(atOnce)
      // Only now: where the end of the stack keeps the flush from being sent, the end of the phase still brings one.
      this.#phase.left()
      if (!parsed) reportMalformed()
    }
    if (writer.hasAcks) writer.readAcks(this.#takeAcks)
    if (this.#acknowledged.length > 0 && !this.#acksScheduled) {
      nextTick(deliverAcks)
      this.#acksScheduled = true
    }
  }

  /**
   * What a flush has written itself counts as written from now on. As with a socket of Node callbacks come in a tick. Listed
   * before it is counted: a list that names a connection twice does no harm.
   */
  readonly #takeAcks = (slot: number, generation: number, count: number): void => {
    const connection = this.connections[slot]
    if (connection?.generation !== generation) return
    this.#acknowledged.push(connection)
    connection.acknowledged += count
  }

  /** Calls back the writes that flushes have acknowledged. */
  deliverAcks(): void {
    this.#acksScheduled = false
    const connections = this.#acknowledged
    this.#acknowledged = []
    forEachIsolated(connections, acknowledge)
  }

  /** Sends everything written so far, and settles what it was the end of. */
  flush(time = 0): void {
    this.#send(false)
    this.#lastFlush = time || now()
    this.#settle()
  }

  #settle(): void {
    if (this.#settling.length === 0) return
    const settling = this.#settling
    this.#settling = []
    forEachIsolated(settling, settle)
  }

  /** Has `message` settled after the next flush. */
  settleAfterFlush(message: SettledMessage): void {
    this.#arm()
    this.#settling.push(message)
  }

  /**
   * Makes sure that a flush will come, before anything is written. The end of the stack may come at any later call: then
   * what was committed leaves by this flush. Noted only after `nextTick` has returned, because that can throw too.
   */
  #arm(): void {
    if (this.#running || this.#flushScheduled) return
    // A tick runs after the promise jobs that are due, so answers given in those share the flush.
    nextTick(flushScheduled)
    this.#flushScheduled = true
  }

  /**
   * What is written until the matching call with `false` leaves together: at once, or with whatever else this turn brings.
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
        this.#phase.leavesNow(length)
        this.#send(true)
      } else if (atOnce) {
        this.#leave(length)
      }
    }
  }

  scheduledFlush(): void {
    this.#flushScheduled = false
    // Where the end of the stack has kept one of the calls from saying that it is over.
    this.#gathering = 0
    this.#gatheredLength = 0
    if (this.#running) return
    // What waits for the end of the phase counts as written: a socket of Node has taken it by now.
    if (this.#phase.waiting) this.#settle()
    else this.flush()
  }

  /**
   * Has what was written, with a body of so many characters or bytes, leave now where nothing speaks for waiting: the program may go on with work that blocks this thread, or
   * end the process. In a batch the other requests of the batch speak for it, because answers to them leave together.
   */
  #leave(length: number): void {
    if (this.#gathering > 0) {
      if (length > this.#gatheredLength) this.#gatheredLength = length
      return
    }
    if (this.#running) {
      if (this.#nobodyWaits()) this.#send(false)
      return
    }
    if (this.#phase.leavesNow(length)) this.#send(false)
  }

  /**
   * Whether nothing that is left of the batch is for a program that may answer it: neither a head, nor the body of another
   * message than the one that is being served. What else may be left (acknowledgements, closed connections) brings no answer.
   */
  #nobodyWaits(): boolean {
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
   * Somebody is called back after what has just been written. Its acknowledgement is delivered in a tick that is queued now, as in
   * Node, so it does not wait for the end of the phase.
   */
  awaitWrites(): void {
    if (this.#running) return
    if (this.#gathering > 0) this.#awaited = true
    else if (this.#phase.waiting) this.#send(true)
  }

  /** Whether what is written next waits for the end of this phase of the event loop. */
  get nextWaits(): boolean {
    return !this.#running && this.#phase.nextWaits
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
    this.#arm()
    this.#writer.head(connection, type, head, body, encoding, flags)
    this.#leave(body === null ? 0 : body.length)
  }

  /** A body part (OUT_BODY) or bytes without framing (OUT_RAW). */
  writeBytes(connection: Target, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void {
    this.#arm()
    this.#writer.bytes(connection, type, body, encoding, flags)
    if (type !== r.OUT_FEED) this.#leave(body.length)
  }

  /** Text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  writeText(connection: Target, type: number, text: string, flags: number): void {
    this.#arm()
    this.#writer.text(connection, type, text, flags)
    this.#leave(0)
  }

  /** A command with numbers only. */
  command(connection: Target, type: number, first = 0, second = 0): void {
    this.#arm()
    this.#writer.command(connection, type, first, second)
    // A socket of Node closes within destroy(): its peer hears of it while the program goes on.
    if (type === r.OUT_CLOSE && (first === r.CLOSE_DESTROY || first === r.CLOSE_RESET)) this.#leave(0)
  }
}

function scratch(size: number): FastBuffer {
  return Buffer.allocUnsafeSlow((size + 3) & ~3) as FastBuffer
}

function acknowledge(connection: NativeReceiver): void {
  const count = connection.acknowledged
  connection.acknowledged = 0
  if (count > 0) connection.onAck(count, true)
}

function settle(message: SettledMessage): void {
  message[kSettle]()
}

export const environment = new Environment()

function flushScheduled(): void {
  environment.scheduledFlush()
}

function deliverAcks(): void {
  environment.deliverAcks()
}

/** Nothing of it was sent, and the connections that it names are closed: no peer may receive what belongs to another. */
function reportMalformed(): void {
  process.emitWarning('ferrohttp has written a flush that does not parse; the connections it names were closed', {
    code: 'ERR_FERROHTTP_INTERNAL',
  })
}
