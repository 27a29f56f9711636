/**
 * The base class of a server's connection (`server/connection.ts`) and a client's native connection (`client/native-client.ts`):
 * counts writes that the kernel has not accepted, writes through the socket where the program takes part in that, credits body
 * bytes that were read, and keeps the event loop alive.
 */
import type { Socket } from 'node:net'

import type { OutgoingMessage } from '../../outgoing.js'
import * as r from '../../native/records.js'
import { BodyWindow } from './body-window.js'
import { connectionReset } from '../errors.js'
import type { PendingWrites } from '../bridge/pending-writes.js'
import { takesPart, unsharedLength } from './plain-write.js'
import { StreamTransport, type AssignableSocket } from '../message/stream-transport.js'
import type { BodyChunk, WriteCallback } from '../bridge/transport.js'
import { holdRaw, plainPartsLength, releasePlainParts } from '../message/turn-parts.js'

/** The stages of a connection's end. */
const OPEN = 0
const ENDING = 1
const DISCARDING = 2

/**
 * A connection is one object, because memory and calls are a large part of the cost of a short request. So its parts are classes
 * that inherit from each other, and not objects. In all of these classes public members are for other modules, `protected` ones
 * for the other classes of the same object, and `#private` ones for their own class.
 */
export abstract class HttpConnection {
  /** -1 while no I/O thread has the connection. */
  slot: number
  generation: number
  /** The addresses of both ends, see `parseAddresses`. */
  addresses = ''
  /** Whether it keeps the event loop alive. */
  holding: boolean
  closed = false
  /** How far its end has come: OPEN, ENDING or DISCARDING. */
  protected stage = OPEN
  /** After an upgrade or CONNECT: the program reads and writes the bytes. */
  upgraded = false
  /** Number of writes that the kernel has accepted, and whose callbacks have not been called yet. */
  acknowledged = 0
  /** Bytes received and sent. Null until the connection has closed. */
  counters: [read: number, written: number] | null = null

  /** Null until the first write with ACKNOWLEDGE, so that an idle connection stays small. */
  protected pending: PendingWrites | null = null
  protected readonly window = new BodyWindow()
  /** False after the program has called `unref()`. */
  protected isReferenced = true
  /** The socket is ending, and the message's waiting parts are being sent, which do not go through the socket. */
  protected isReleasing = false
  /** Writes messages through the socket, see `framingFor`. */
  #framing: StreamTransport | null = null

  protected constructor(slot: number, generation: number, holding: boolean) {
    this.slot = slot
    this.generation = generation
    this.holding = holding
  }

  /** Nothing more will be sent: CLOSE was sent, or the peer has closed. */
  get ending(): boolean {
    return this.stage !== OPEN
  }

  /** The program has destroyed the connection. Bytes that still arrive are dropped. */
  get discarding(): boolean {
    return this.stage === DISCARDING
  }

  /** Nothing is sent any more. */
  protected stopSending(): void {
    if (this.stage === OPEN) this.stage = ENDING
  }

  /** Nothing is sent any more, and bytes that arrive are dropped. */
  discard(): void {
    this.stage = DISCARDING
  }

  abstract readonly writableHighWaterMark: number
  /** Whether nothing can be sent any more. */
  abstract get destroyed(): boolean
  /** The message that is being sent. Null between two messages. */
  protected abstract get currentMessage(): OutgoingMessage | null
  /** The socket object, if the program has it. */
  protected abstract get shownSocket(): Socket | null
  /** Whether something is under way for which the event loop must be kept alive. */
  protected abstract get isWorking(): boolean

  /** Sends a command: a record that has numbers only. */
  abstract command(type: number, first?: number, second?: number): void
  /** Writes bytes without framing, with ACKNOWLEDGE, and adds them to `pending`. */
  protected abstract writeRaw(chunk: BodyChunk, encoding: BufferEncoding): void
  /** Returns how many bytes the kernel has not accepted, or null where that is not known. */
  protected abstract askUnsent(): number | null
  /** Counts one more thing that keeps the event loop alive, or one less. */
  protected abstract holdLoop(on: boolean): void
  /**
   * Writes messages where the socket takes part: the program has replaced its `write()`, corks it, or has written bytes to it
   * that the kernel does not accept yet. Then messages are framed here and go through the socket's queue, after the bytes it
   * holds, and only their state is reported to the engine. Null otherwise.
   */
  protected abstract throughSocket(): StreamTransport | null

  // ---- writes that the kernel has not accepted -----------------------------------------------------------------

  /**
   * Bytes handed over and not acknowledged. Bytes of earlier messages do not count, as in Node, where the end of a response
   * writes to the kernel. The I/O thread limits how many of those a peer may leave unread.
   */
  get writableLength(): number {
    const { pending } = this
    if (pending === null) return 0
    return Math.max(0, pending.bytes - pending.endedBytes - pending.sentBytes(this.acknowledged))
  }

  /** Bytes that the kernel has not accepted, after a flush: Node has made the system call when it wrote. */
  get unsentLength(): number {
    this.sendAtOnce()
    return this.pending === null ? 0 : this.pending.bytes - this.pending.sentBytes(this.acknowledged)
  }

  /** `writableLength` and the bytes that the socket itself holds. */
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

  /** The writer of messages through `socket`, or null where the socket does not take part. */
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

  /** The program ends the socket. The message's parts of this turn are sent before that. */
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
   * Sends bytes without framing: those of a tunnel, or those that programs write to the socket. As in Node they are sent at once,
   * so that a `destroy()` that follows does not lose them. `callback` is called within this call while the kernel accepts all
   * bytes. Then the stream holds nothing back, and later bytes keep their place after these.
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

  /** The kernel does not accept the socket's bytes. */
  protected get isBlocked(): boolean {
    return this.writableLength >= this.writableHighWaterMark && this.unsentLength >= this.writableHighWaterMark
  }

  // ---- reading and the event loop ------------------------------------------------------------------------------

  /** Lets the I/O thread read this many more bytes of bodies, see `BodyWindow`. */
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
