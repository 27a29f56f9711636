/**
 * The interface between Node's message classes and the code that carries their bytes.
 *
 * `IncomingMessage`, `OutgoingMessage` and `ServerResponse` know these two interfaces, and neither Rust nor records nor sockets.
 * `server/response-writer.ts` and `server/request-reader.ts` implement them for a server's connection, `client/request-writer.ts`
 * and `client/native-client.ts` for a client's. `message/stream-transport.ts` implements `MessageTransport` for any Writable given
 * to `assignSocket`.
 */
import type { Socket } from 'node:net'

import * as r from '../../native/records.js'
import type { CorkedChunk } from '../message/outgoing-state.js'

/** A body part, as a transport receives it. Strings are not encoded yet. */
export type BodyChunk = string | Uint8Array

/** Called without an argument when the kernel has accepted the bytes, or with the reason why it never will. */
export type WriteCallback = (error?: Error | null) => void

/** The body has the chunked coding (RFC 9112 section 7.1). The transport frames it. */
export const CHUNKED = r.CHUNKED
/** The message ends with this call. */
export const END = r.END
/** The connection is closed once this message has been sent. Only together with END. */
export const CLOSE = r.CLOSE
/** Settle the message when the kernel has accepted its last byte, not already when it was handed over. Only together with END. */
export const ACKNOWLEDGE = r.ACKNOWLEDGE

/** Called by a transport once for each message whose END it has received. See `MessageTransport`. */
export const kSettle = Symbol('ferrohttp.settle')
/** Called by a transport that had returned false, after bytes have been sent. The message emits 'drain' if that is due. */
export const kDrain = Symbol('ferrohttp.drain')

/** The methods of an outgoing message that a transport calls. */
export interface SettledMessage {
  /**
   * The message has been sent, or (`error` is set) its connection has closed before. In the second case it is also called for
   * messages whose END was not handed over, and a second call does no harm. Without ACKNOWLEDGE it is called after the flush at
   * the end of the current batch or tick, with ACKNOWLEDGE when the kernel has accepted the last byte. Never within the call that
   * had END.
   */
  [kSettle](error?: Error | null): void
  [kDrain](): void
}

/** A part of a message in its form on the wire. */
export interface WirePart {
  data: BodyChunk
  encoding: BufferEncoding | null | undefined
  callback: WriteCallback | null
}

/** A part of a message that is sent in one piece. */
export interface MessagePart {
  /** A head, ending in CRLF CRLF and encoded as latin1; empty for none. */
  readonly head: string
  /** The body, or a part of it. Never empty: null for none. */
  readonly body: BodyChunk | null
  /** Of a body that is a string. */
  readonly encoding: BufferEncoding
}

/** A part without bytes. */
export const NO_PART: MessagePart = { head: '', body: null, encoding: 'latin1' }

/**
 * Accepts one outgoing message at a time. The calls of one message have this order:
 * `sendInterim`* → `sendHead` → `sendBody`* → `sendEnd`, where `sendHead` or `sendBody` with END replaces `sendEnd`.
 * Every call is cheap and asynchronous: the bytes are sent by the next flush. Calls after the connection has closed have no effect
 * except for their callback.
 *
 * Each `send*` returns false when `writableLength` is at or above `writableHighWaterMark`. `kDrain` is called when it is back to 0.
 */
export interface MessageTransport {
  /** The socket that programs see. A native connection makes it when this getter is first read. */
  readonly socket: Socket
  /** Whether the connection is closed or being closed, so that nothing can be sent. */
  readonly destroyed: boolean
  /** Whether nothing can be written although the connection is open. Messages wait, as in Node, where they wait for ever. */
  readonly unwritable?: boolean
  /** Bytes handed over and not yet acknowledged by the I/O thread. */
  readonly writableLength: number
  readonly writableHighWaterMark: number
  /** The value of `writableLength` that programs see, where it is another one. */
  readonly countedLength?: number
  /** Whether messages collect the parts of one turn themselves. A stream collects them in its own queue, where programs see them. */
  readonly takesParts?: boolean
  /** The program has corked the socket itself. */
  readonly isSocketCorked?: boolean
  /** Whether messages call and cork the socket exactly as in Node, because a mock may count the calls. */
  readonly writesAsNode?: boolean
  /**
   * Corks the socket with the message, if the program has the socket object. For the rest of a turn (not `byProgram`) only a
   * stream is corked; elsewhere the message holds its parts.
   */
  corkSocket?(on: boolean, byProgram: boolean): void
  /**
   * Parts handed over between `true` and the matching `false` are sent together. Undefined where a stream does that itself.
   */
  gather?(on: boolean): void
  /** Flushes: makes the system calls for all parts that were handed over. Undefined where a stream has made them already. */
  sendAtOnce?(): void

  /**
   * @param message its `kSettle` (when `flags` has END) and `kDrain` are called
   * @param part the whole head, and the first, or with END the whole, body
   * @param flags CHUNKED, END, CLOSE, ACKNOWLEDGE
   * @param callback for the body's bytes, null for none
   */
  sendHead(message: SettledMessage, part: MessagePart, flags: number, callback: WriteCallback | null): boolean
  /** Sends a further body part. `flags` repeats CHUNKED, and may have END, CLOSE and ACKNOWLEDGE. */
  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean
  /**
   * Ends a message whose last body part has been sent.
   * @param trailers field lines each ending in CRLF, without the empty line; '' for none; only with CHUNKED
   */
  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean
  /** Sends an interim (1xx) response, or part of one: text that precedes the head, unchanged, as latin1. */
  sendInterim(head: string, callback: WriteCallback | null): boolean
  /**
   * Sends a chunk in several parts, after the head unless that is ''. Without this method the parts are joined, and the other
   * methods are called.
   */
  sendChunk?(
    message: SettledMessage,
    head: string,
    parts: readonly CorkedChunk[],
    callback: WriteCallback | null,
  ): boolean
  /** Sends a further body part of a message with CHUNKED. The part is framed already. */
  sendFramed(
    message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean
  /**
   * Sends all that a message has written before it had this transport, framed already. `flags` is 0, or END and the flags that go
   * with it when that is the whole message. Without this method the other methods are called.
   */
  sendQueued?(message: SettledMessage, parts: readonly WirePart[], flags: number): boolean
  /**
   * Calls back after everything handed over so far is acknowledged, never synchronously: for `write('', callback)`, whose
   * callback keeps its place among the others. Without this method such a callback is called at the next tick.
   */
  afterWrites?(callback: WriteCallback): void
  /** Destroys the connection on behalf of a message. Parts that were handed over may be lost. */
  destroy(error?: Error, message?: SettledMessage): unknown
}

/** The source of an incoming message. */
export interface MessageSource {
  readonly socket: Socket
  /** highWaterMark of the message's Readable, which is the socket's in Node. */
  readonly readableHighWaterMark: number
  /** The consumer wants more: credits the body bytes that were held back after `kBody` had returned false. */
  resumeBody(): void
  /**
   * The message was destroyed before its end, and the connection with it, as in Node.
   * @returns whether the connection was open
   */
  destroy(error?: Error): boolean
}

/** Receives a body part. Returns the result of `push()`. */
export const kBody = Symbol('ferrohttp.body')
/** The body is complete. Trailers are names and values joined by LF, '' for none. */
export const kEnd = Symbol('ferrohttp.end')
/** The connection has closed before the message was complete. */
export const kAbort = Symbol('ferrohttp.abort')
/**
 * The answer to the message has been handed over and not been sent yet. A complete message delays its 'close' until this is
 * called with false.
 */
export const kAnswering = Symbol('ferrohttp.answering')
