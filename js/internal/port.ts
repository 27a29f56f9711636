/**
 * The border between a server's connection and whoever reads and writes its bytes: the I/O threads (`environment.ts`) or
 * a stream that JavaScript owns (`stream-port.ts`).
 */
import type { Socket } from 'node:net'

import type { Target } from './record-writer.js'
import type { BodyChunk, SettledMessage } from './transport.js'

/** Where a connection's records go. Their types, flags and modes are those of `js/native/records.ts`. */
export interface Port {
  /** Whoever owns the stream has destroyed it; absent where connections are closed by themselves alone. */
  readonly gone?: boolean
  /** A response head with the first part of its body. */
  writeHead(connection: Target, head: string, body: BodyChunk | null, encoding: BufferEncoding, flags: number): void
  /** A body part (OUT_BODY) or bytes without framing (OUT_RAW). */
  writeBytes(connection: Target, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void
  /** Text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  writeText(connection: Target, type: number, text: string, flags: number): void
  /** A command with numbers only. */
  command(connection: Target, type: number, first?: number, second?: number): void
  /** Bytes that the kernel has not taken of what was written; absent where the port writes to a stream. */
  unsent?(connection: Target): number | null
  /** Whether what is written next waits for what the program writes after it; absent where nothing waits. */
  readonly nextWaits?: boolean
  /** Somebody is called back after what has just been written. */
  awaitWrites?(): void
  /** See `MessageTransport`. */
  gather?(on: boolean): void
  /** Has `message` settled once what it has written is on its way. */
  settleAfterFlush(message: SettledMessage): void
  /** The connection keeps the event loop alive, or no longer. */
  ref(): void
  unref(): void
  /** The stream in the place of a socket. Absent where the connection has a socket of ours, made by the first look at it. */
  readonly side?: SocketSide
  /** The connection is closed. Absent where the server is notified by the connection. */
  forget?(): void
}

/** The socket users see. */
export const kStream = Symbol('ferrohttp.stream')

/** What a connection tells its socket. */
export interface SocketSide {
  readonly [kStream]: Socket
  /** From here on the socket is the program's. */
  release(): void
  /** A body is not read as fast as it comes; or it is again. */
  bodyHeld(on: boolean): void
  /** Somebody reads a request: whatever the socket was told before, it flows. */
  flow(): void
  /** The peer has ended. */
  endReading(): void
  /** The same; calls back when the stream says so, ahead of others who hear of it. */
  afterEnd(callback: () => void): void
  /** The last response has been handed over. */
  endWriting(): void
  /** Destroys the stream, whose listeners hear of what came before first. */
  fail(error: Error): void
  /** It calls the connection's `tellClosed` when it emits 'close'. */
  readonly tellsClose: boolean
  /** The connection is gone. */
  onClosed(error: Error | null): void
}

/** A socket that the program has passed on: it is told of nothing but the connection's last words. */
export class GivenUpSide implements SocketSide {
  readonly [kStream]: Socket
  readonly #done: () => void

  constructor(stream: Socket, done: () => void) {
    this[kStream] = stream
    this.#done = done
  }

  release(): void {}

  bodyHeld(): void {}

  flow(): void {}

  endReading(): void {
    this[kStream].push(null)
  }

  afterEnd(callback: () => void): void {
    callback()
  }

  endWriting(): void {}

  fail(error: Error): void {
    this[kStream].destroy(error)
  }

  readonly tellsClose = false

  onClosed(): void {
    this.#done()
  }
}
