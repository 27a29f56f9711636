/** The private part of an OutgoingMessage, shared by the modules that make up its behaviour. */
import type { WriteCallback } from './transport.js'

/** Bits of `[kState]`. */
/** `write()` answered false and 'drain' is still owed. */
export const NEED_DRAIN = 1
/** The message has been sent whole. */
export const WRITABLE_FINISHED = 2
/** See `rejectNonStandardBodyWrites`. */
export const REJECT_BODY = 4
/** The head has characters above 0x7f; see `headText` in `output-queue.ts`. */
export const OBS_TEXT_HEAD = 8
/** Attached by a server: once sent, the response lets its request, its transport and itself go. */
export const MANAGED = 16
/** `outputData` begins with the head, interim responses aside. */
export const HEAD_QUEUED = 32

/** Parts written in this turn wait for its end; see `writeChunk` in `sending.ts`. */
export const IN_TURN = 32
/** The program has corked the message and written a part: further ones join it. */
export const JOINING = 64

/** Body bytes counted for `strictContentLength`. */
export const kBytesWritten = Symbol('ferrohttp.bytesWritten')
/** Depth of `cork()`. */
export const kCorked = Symbol('ferrohttp.corked')
/** Parts that wait: written while corked, or in this turn. Null when there are none. */
export const kCorkedChunks = Symbol('ferrohttp.corkedChunks')
export const kCorkedLength = Symbol('ferrohttp.corkedLength')
/** What the head in `outputData` was made of, or null; see `QueuedHead` in `output-queue.ts`. */
export const kQueuedHead = Symbol('ferrohttp.queuedHead')
/** Callbacks of `end()` not called yet, or null. */
export const kEndCallbacks = Symbol('ferrohttp.endCallbacks')
/** What `destroy()` was given; undefined when it was given nothing, null before. */
export const kErrored = Symbol('ferrohttp.errored')
/** Why the message could not be sent whole, or null. */
export const kFlushError = Symbol('ferrohttp.flushError')

/** Notes the async context of a call whose outcome is told later: a `write()` that was answered false, or `end()`. */
export const kRemember = Symbol('ferrohttp.remember')

export type EndCallback = WriteCallback

export interface CorkedChunk {
  chunk: string | Uint8Array
  encoding: BufferEncoding | null | undefined
  callback: WriteCallback | null
  /** It leaves in one chunk with the part before it. */
  joins: boolean
  /** What the program wrote to the socket itself: not framed. */
  isRaw?: boolean
}
