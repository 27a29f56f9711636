/**
 * The border between Node's message classes and whatever carries their bytes.
 *
 * `IncomingMessage`, `OutgoingMessage` and `ServerResponse` know these two interfaces and nothing of
 * Rust, records or sockets. `internal/response-writer.ts` and `internal/request-reader.ts` implement them for a server's connection;
 * `internal/stream-transport.ts` implements `MessageTransport` for any Writable given to `assignSocket`.
 */
import type { Socket } from 'node:net'

import * as r from '../native/records.js'
import type { CorkedChunk } from './outgoing-state.js'

/** What a body part may be by the time it reaches a transport. Strings are not yet encoded. */
export type BodyChunk = string | Uint8Array

/** Told once the bytes are with the kernel (no argument), or will never be (the reason). */
export type WriteCallback = (error?: Error | null) => void

/** The message's body goes out in the chunked coding (RFC 9112 section 7.1); the transport does the framing. */
export const CHUNKED = r.CHUNKED
/** The message ends with this call. */
export const END = r.END
/** The connection is closed once this message has been sent. Only together with END. */
export const CLOSE = r.CLOSE
/** Settle the message when its last byte is with the kernel, not merely handed over. Only together with END. */
export const ACKNOWLEDGE = r.ACKNOWLEDGE

/** Called by a transport, once for each message whose END it took. See `MessageTransport`. */
export const kSettle = Symbol('ferrohttp.settle')
/** Called by a transport when bytes left after it had answered `false`: the message emits 'drain' if it owes one. */
export const kDrain = Symbol('ferrohttp.drain')

/** The side of an outgoing message that a transport calls back. */
export interface SettledMessage {
  /**
   * The message has been sent (`error` absent) or its connection closed first; in the second case messages whose END was
   * not taken yet are told too, and being told twice does no harm. Without ACKNOWLEDGE this comes after
   * the flush at the end of the current batch or tick, with it when the kernel took the last byte. Never synchronously
   * from within the call that carried END.
   */
  [kSettle](error?: Error | null): void
  [kDrain](): void
}

/** A part of a message as it goes over the wire. */
export interface WirePart {
  data: BodyChunk
  encoding: BufferEncoding | null | undefined
  callback: WriteCallback | null
}

/**
 * Where one outgoing message at a time is written. The calls of one message come in this order:
 * `sendInterim`* → `sendHead` → `sendBody`* → `sendEnd`, where `sendHead` or `sendBody` with END replaces `sendEnd`.
 * Every call is cheap and asynchronous: the bytes leave at the next flush. Calls after the connection is gone do
 * nothing but report to their callback.
 *
 * Each `send*` answers false when `writableLength` is at or above `writableHighWaterMark`; `kDrain` follows when it is back to 0.
 */
export interface MessageTransport {
  /** The socket users see. On the native road it is made by the first look at this getter. */
  readonly socket: Socket
  /** True once the connection is closed or is being closed: nothing can be sent. */
  readonly destroyed: boolean
  /** True while nothing can be written although the connection stands: messages wait, in Node for ever. */
  readonly unwritable?: boolean
  /** Bytes handed over and not yet acknowledged by the I/O thread. */
  readonly writableLength: number
  readonly writableHighWaterMark: number
  /** What a program is shown of `writableLength`, where that is another number. */
  readonly countedLength?: number
  /** Messages collect the parts of one turn themselves. A stream does that in its own queue, where programs see it. */
  readonly takesParts?: boolean
  /** The program has corked the socket itself. */
  readonly isSocketCorked?: boolean
  /** Mocks may count what the socket is asked: messages hand over their parts, and cork it, as Node's do. */
  readonly writesAsNode?: boolean
  /**
   * The message is corked, and with it the socket, where there is one that the program can look at. For the rest of a turn
   * (not `byProgram`) only a stream is: elsewhere the message holds all that is written.
   */
  corkSocket?(on: boolean, byProgram: boolean): void
  /**
   * What is handed over until the matching call with `false` leaves together. Absent where that is the stream's own matter.
   */
  gather?(on: boolean): void
  /** Asks the kernel now to take what was handed over; absent where a stream has been asked already. */
  sendAtOnce?(): void

  /**
   * @param message told by `kSettle` (when `flags` has END) and `kDrain`
   * @param head the whole head, ending in CRLF CRLF; encoded as latin1
   * @param body the first, or with END the whole, body; never empty: null for none
   * @param encoding of `body` when it is a string
   * @param flags CHUNKED, END, CLOSE, ACKNOWLEDGE
   * @param callback for the body's bytes, null when nobody asked
   */
  sendHead(
    message: SettledMessage,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean
  /** A further body part. `flags` repeats CHUNKED, and may have END, CLOSE and ACKNOWLEDGE. */
  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean
  /**
   * The end of a message whose last body part has been sent.
   * @param trailers field lines each ending in CRLF, without the empty line; '' for none; only with CHUNKED
   */
  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean
  /** An interim (1xx) response, or part of one: text ahead of the head, sent as it is; encoded as latin1. */
  sendInterim(head: string, callback: WriteCallback | null): boolean
  /**
   * A chunk in several parts, with the head in front unless that is ''. Without this method the parts are joined and come by the
   * others.
   */
  sendChunk?(
    message: SettledMessage,
    head: string,
    parts: readonly CorkedChunk[],
    callback: WriteCallback | null,
  ): boolean
  /** A further body part of a message with CHUNKED that has been framed already. */
  sendFramed(
    message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean
  /**
   * All that a message has written before it had this transport, as it goes over the wire. `flags` is 0, or END and its
   * companions when that is the whole message. Without this method the parts come by the others.
   */
  sendQueued?(message: SettledMessage, parts: readonly WirePart[], flags: number): boolean
  /**
   * Calls back once everything handed over so far is acknowledged, never synchronously: for `write('', callback)`, whose
   * callback keeps its place among the others. Without this method such a callback comes at the next tick.
   */
  afterWrites?(callback: WriteCallback): void
  /** Destroys the connection on behalf of a message; what was handed over may be lost. */
  destroy(error?: Error): void
}

/** Where an incoming message comes from. */
export interface MessageSource {
  readonly socket: Socket
  /** Of the message's Readable; Node: the socket's. */
  readonly readableHighWaterMark: number
  /** The message's consumer wants more: body bytes kept back after `kBody` answered false are credited now. */
  resumeBody(): void
  /** The message was destroyed before its end: the connection goes with it, as Node does. */
  destroy(error?: Error): void
}

/** Takes a body part; answers what `push()` answers. */
export const kBody = Symbol('ferrohttp.body')
/** The body is complete; trailers as `name\nvalue\n…` joined by LF without a final one, '' for none. */
export const kEnd = Symbol('ferrohttp.end')
/** The connection went before the message was complete. */
export const kAbort = Symbol('ferrohttp.abort')
/**
 * The answer to the message has been handed over and not been sent: a message that is complete puts its 'close' off until
 * it is called again with false.
 */
export const kAnswering = Symbol('ferrohttp.answering')
