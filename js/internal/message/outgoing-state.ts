/** The private part of an OutgoingMessage, shared by the modules that make up its behaviour. */
import type { WriteCallback } from '../bridge/transport.js'

/** Bits of `[kState]`. */
/** `write()` has returned false, and 'drain' has not been emitted yet. */
export const NEED_DRAIN = 1
/** The message has been sent completely. */
export const WRITABLE_FINISHED = 2
/** See `rejectNonStandardBodyWrites`. */
export const REJECT_BODY = 4
/** The head has characters above 0x7f; see `headText` in `output-queue.ts`. */
export const OBS_TEXT_HEAD = 8
/** Attached by a server: after it has been sent, the response releases its request and its transport. */
export const MANAGED = 16
/** `outputData` begins with the head, except for interim responses. */
export const HEAD_QUEUED = 32
/** The program has corked the message and written a part. Further parts are joined to it. */
export const JOINING = 64
/** Parts of this turn wait for its end; see `waitsForTurn` in `turn-parts.ts`. */
export const IN_TURN = 128
/** A request that was given to a connection which had ended, and was queued again; see `queueAgain` in `exchange.ts`. */
export const QUEUED_AGAIN = 256

/** Body bytes counted for `strictContentLength`. */
export const kBytesWritten = Symbol('ferrohttp.bytesWritten')
/** Depth of `cork()`. */
export const kCorked = Symbol('ferrohttp.corked')
/** Parts that wait because the message is corked, or for the end of this turn. Null when there are none. */
export const kCorkedChunks = Symbol('ferrohttp.corkedChunks')
export const kCorkedLength = Symbol('ferrohttp.corkedLength')
/** The parts of the head in `outputData`, or null; see `QueuedHead` in `output-queue.ts`. */
export const kQueuedHead = Symbol('ferrohttp.queuedHead')
/** Callbacks of `end()` not called yet, or null. */
export const kEndCallbacks = Symbol('ferrohttp.endCallbacks')
/** The argument of `destroy()`; null before it is called. */
export const kErrored = Symbol('ferrohttp.errored')
/** The reason why the message could not be sent completely, or null. */
export const kFlushError = Symbol('ferrohttp.flushError')

/** Notes the async context of a call with a later event: a `write()` that has returned false, or `end()`. */
export const kRemember = Symbol('ferrohttp.remember')

export type EndCallback = WriteCallback

export interface CorkedChunk {
  chunk: string | Uint8Array
  encoding: BufferEncoding | null | undefined
  callback: WriteCallback | null
  /** Sent in one chunk with the part before it. */
  joins: boolean
  /** Written to the socket by the program: not framed. */
  isRaw?: boolean
}
