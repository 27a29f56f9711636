/**
 * The interface between a server's connection and the code that reads and writes its bytes: the I/O threads
 * (`bridge/environment.ts`) or a stream of JavaScript (`stream-port.ts`).
 */
import type { Socket } from 'node:net'

import type { Target } from '../bridge/record-writer.js'
import type { BodyChunk, MessagePart, MessageTransport, SettledMessage } from '../bridge/transport.js'

/** Accepts a connection's records. Their types, flags and modes are those of `js/native/records.ts`. */
export interface Port {
  /** The program has destroyed the stream. Undefined where only the connection itself can be closed. */
  readonly gone?: boolean
  /** Writes a response head with the first part of its body. */
  writeHead(connection: Target, part: MessagePart, flags: number): void
  /** Writes a body part (OUT_BODY) or bytes without framing (OUT_RAW). */
  writeBytes(connection: Target, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void
  /** Writes text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  writeText(connection: Target, type: number, text: string, flags: number): void
  /** Writes a command that has numbers only. */
  command(connection: Target, type: number, first?: number, second?: number): void
  /** Number of written bytes that the kernel has not accepted. Undefined where the port writes to a stream. */
  unsent?(connection: Target): number | null
  /** Whether the next records wait for later ones. Undefined where nothing waits. */
  readonly nextWaits?: boolean
  /**
   * Number of records of the connection that have not been served, and that came with the same read as the record being served.
   * 0 while no record of the connection is being served. Node gives a whole read to its parser, which emits all requests in it, even
   * if the handler of one of them destroys the connection.
   */
  restOfRead?(connection: Target): number
  /** A callback is due after the records that have just been written. */
  awaitWrites?(): void
  /** See `MessageTransport`. */
  gather?(on: boolean): void
  /** Settles `message` when its bytes have been handed over. */
  settleAfterFlush(message: SettledMessage): void
  /**
   * Settles `message` in a tick, as a socket of Node that has written it, and not before its bytes have been sent. Called where
   * `nextWaits` is true.
   */
  settlePresumed?(message: SettledMessage): void
  /** Whether a response ahead of this one has been handed over, and has not been settled. */
  isSettling(connection: MessageTransport, response: SettledMessage): boolean
  /** Returns the responses that have been handed over and not been settled. They are not settled by themselves any more. */
  recall?(connection: MessageTransport): SettledMessage[]
  /** Whether the connection keeps the event loop alive from now on. */
  ref(): void
  unref(): void
  /** The stream that takes the place of a socket. Undefined where the connection has a socket of ours, made when it is first needed. */
  readonly side?: SocketSide
  /** The connection has closed. Undefined where the connection notifies the server itself. */
  forget?(): void
}

/** The socket that programs see. */
export const kStream = Symbol('ferrohttp.stream')

/** The members of a socket that its connection calls. */
export interface SocketSide {
  readonly [kStream]: Socket
  /** The program reads from the socket from now on. */
  release(): void
  /** A body arrives faster than it is read, or not any more. */
  setBodyHeld(on: boolean): void
  /** The program reads a request, so the socket flows, even if it was paused. */
  flow(): void
  /** The peer has sent FIN. */
  endReading(): void
  /** The peer has sent FIN. Emits 'end', and ends the stream before other listeners of it, by `close` and as a program would. */
  endWithPeer(close: () => void): void
  /** As `end`. Calls back when the stream has ended, before other listeners of 'end'. */
  afterEnd(callback: () => void): void
  /** The last response has been handed over. */
  endWriting(): void
  /** There is a response, which ends when the socket emits 'close'. */
  expectResponse(): void
  /** Destroys the stream, after its listeners have received the bytes and events before that. */
  fail(error: Error): void
  /** The socket ends the connection's messages when it emits 'close'. */
  readonly reportsClose: boolean
  /** The connection has closed. */
  onClosed(error: Error | null): void
}

/** Stands in for a socket that the program has passed on. It handles the connection's last bytes only. */
export class GivenUpSide implements SocketSide {
  readonly [kStream]: Socket
  readonly #done: () => void

  constructor(stream: Socket, done: () => void) {
    this[kStream] = stream
    this.#done = done
  }

  release(): void {}

  setBodyHeld(): void {}

  flow(): void {}

  endReading(): void {
    this[kStream].push(null)
  }

  endWithPeer(close: () => void): void {
    this.endReading()
    close()
  }

  afterEnd(callback: () => void): void {
    callback()
  }

  endWriting(): void {}

  expectResponse(): void {}

  fail(error: Error): void {
    this[kStream].destroy(error)
  }

  readonly reportsClose = false

  onClosed(): void {
    this.#done()
  }
}
