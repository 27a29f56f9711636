/**
 * What a server's connection (`connection.ts`) and a client's on the native road (`native-client.ts`) do alike: they count the
 * writes that the kernel has not taken, write through the socket where the program takes part in that, credit the bytes of
 * bodies that were read, and keep the event loop alive.
 */
import type { Socket } from 'node:net'

import type { OutgoingMessage } from '../outgoing.js'
import * as r from '../native/records.js'
import { BodyWindow } from './body-window.js'
import { connectionReset } from './errors.js'
import type { PendingWrites } from './pending-writes.js'
import { takesPart, unsharedLength } from './plain-write.js'
import { StreamTransport, type AssignableSocket } from './stream-transport.js'
import type { BodyChunk, WriteCallback } from './transport.js'
import { holdRaw, plainPartsLength, releasePlainParts } from './turn-parts.js'

/**
 * A connection is one object, whose memory and calls are a large part of what a short request costs. Its parts are therefore
 * classes that inherit from each other, and not objects of their own. Three kinds of members, in all of these classes: public
 * ones are for other modules, `protected` ones for the other classes of the same object, `#private` ones for their own class.
 */
export abstract class HttpConnection {
  /** -1 while the I/O threads know of no connection. */
  slot: number
  generation: number
  /** Both its ends, see `parseAddresses`. */
  addresses = ''
  /** Keeps the event loop alive. */
  holding: boolean
  closed = false
  /** Nothing more is to be sent: CLOSE went out, or the peer is gone. */
  ending = false
  /** The bytes are the program's. */
  upgraded = false
  /** The program destroyed the connection: what still arrives is dropped. */
  discarding = false
  /** Writes that are with the kernel and whose callbacks have not been called. */
  acknowledged = 0
  /** Bytes received and sent, known once it is closed. */
  counters: [read: number, written: number] | null = null

  /** Null where nothing has been written with ACKNOWLEDGE yet: an idle connection must stay small. */
  protected pending: PendingWrites | null = null
  protected readonly window = new BodyWindow()
  /** The program has not called `unref()`. */
  protected isReferenced = true
  /** The socket ends, and the parts that the message holds are being sent: they do not go through the socket. */
  protected isReleasing = false
  /** Writes messages through the socket, where that has a part in it; made by `framingFor`. */
  #framing: StreamTransport | null = null

  protected constructor(slot: number, generation: number, holding: boolean) {
    this.slot = slot
    this.generation = generation
    this.holding = holding
  }

  abstract readonly writableHighWaterMark: number
  /** Nothing can be sent. */
  abstract get destroyed(): boolean
  /** The message that is being sent, null between two of them. */
  protected abstract get currentMessage(): OutgoingMessage | null
  /** The socket, where there is one that the program can look at. */
  protected abstract get shownSocket(): Socket | null
  /** What the event loop must be kept alive for is under way. */
  protected abstract get isWorking(): boolean

  /** Sends a command, a record with numbers only. */
  abstract command(type: number, first?: number, second?: number): void
  /** Writes bytes that no framing touches, with ACKNOWLEDGE, and adds them to `pending`. */
  protected abstract writeRaw(chunk: BodyChunk, encoding: BufferEncoding): void
  /** Asks the kernel how many bytes it has not taken; null where there is no such answer. */
  protected abstract askUnsent(): number | null
  /** One more thing (or one less) keeps the event loop alive. */
  protected abstract holdLoop(on: boolean): void
  /**
   * What writes messages where the socket has a part in it: the program has replaced its `write()`, corks it, or has written
   * to it what the kernel does not take yet. Then messages are framed here and go through the socket's queue, after what it
   * holds, and the engine only learns of their state. Null for all others.
   */
  protected abstract throughSocket(): StreamTransport | null

  // ---- writes that the kernel has not taken --------------------------------------------------------------------

  /**
   * Bytes handed over and not acknowledged. What earlier messages on the connection have written does not count, as in Node,
   * where the end of a response writes to the kernel; the I/O thread limits how much of that a peer may leave unread.
   */
  get writableLength(): number {
    const { pending } = this
    if (pending === null) return 0
    return Math.max(0, pending.bytes - pending.endedBytes - pending.sentBytes(this.acknowledged))
  }

  /** Bytes that the kernel has not taken. The kernel is asked first, as Node has asked it when it wrote. */
  get unsentLength(): number {
    this.sendAtOnce()
    return this.pending === null ? 0 : this.pending.bytes - this.pending.sentBytes(this.acknowledged)
  }

  /** `writableLength` and what the socket itself holds. */
  get countedLength(): number {
    const { shownSocket } = this
    return shownSocket === null ? this.writableLength : this.writableLength + unsharedLength(shownSocket)
  }

  /** See `SocketConnection`. */
  get heldLength(): number {
    return this.currentMessage === null ? 0 : plainPartsLength(this.currentMessage)
  }

  sendAtOnce(): void {
    if (this.pending?.maybeUnsent(this.acknowledged) === true && this.askUnsent() === 0) this.pending.markSent()
  }

  // ---- the socket's part ---------------------------------------------------------------------------------------

  /** See `MessageTransport`. */
  get takesParts(): boolean {
    return this.throughSocket() === null
  }

  /** For `throughSocket`: what writes messages through `socket`, null where that has no part in writing them. */
  protected framingFor(socket: Socket): StreamTransport | null {
    if (this.isReleasing || !takesPart(socket)) return null
    return (this.#framing ??= new StreamTransport(socket as unknown as AssignableSocket))
  }

  get isSocketCorked(): boolean {
    return this.shownSocket !== null && this.shownSocket.writableCorked > 0
  }

  corkSocket(on: boolean, byProgram: boolean): void {
    if (!byProgram) return
    const { shownSocket } = this
    if (shownSocket === null) return
    if (on) shownSocket.cork()
    else if (shownSocket.writableCorked > 0) shownSocket.uncork()
  }

  /** The program ends the socket: what the message has written in this turn is sent before that. */
  beforeEnd(): void {
    if (this.currentMessage === null) return
    this.isReleasing = true
    try {
      releasePlainParts(this.currentMessage)
    } finally {
      this.isReleasing = false
    }
  }

  /**
   * Sends bytes that no framing touches: a tunnel's, or what programs write to the socket themselves. They leave at once, as
   * in Node, so that a `destroy()` that follows finds them gone. `callback` is called within this call as long as the kernel
   * takes all it is given: then the stream holds nothing back, and what is written next keeps its place after these bytes.
   */
  sendRaw(chunk: BodyChunk, encoding: BufferEncoding, callback: WriteCallback): void {
    if (this.destroyed) {
      process.nextTick(callback, connectionReset('write ECONNRESET'))
      return
    }
    if (this.currentMessage !== null && holdRaw(this.currentMessage, chunk, encoding)) {
      callback()
      return
    }
    this.writeRaw(chunk, encoding)
    if (this.isBlocked) this.pending!.waitForLast(callback)
    else callback()
  }

  /** The kernel does not take what the socket is given. */
  protected get isBlocked(): boolean {
    return this.writableLength >= this.writableHighWaterMark && this.unsentLength >= this.writableHighWaterMark
  }

  // ---- reading and the event loop ------------------------------------------------------------------------------

  /** Lets the I/O thread read so many more bytes of bodies; see `BodyWindow`. */
  protected credit(bytes: number): void {
    if (bytes !== 0 && !this.closed) this.command(r.OUT_CREDIT, bytes)
  }

  setRef(on: boolean): void {
    this.isReferenced = on
    this.updateHold()
  }

  protected updateHold(): void {
    const hold = this.isWorking && !this.closed
    if (this.holding === hold) return
    this.holding = hold
    this.holdLoop(hold)
  }
}
