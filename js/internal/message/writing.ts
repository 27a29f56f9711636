/** The work of `write()` and `end()`: checks, sending, and the events after the last part. */
import { types } from 'node:util'
import type { OutgoingMessage } from '../../outgoing.js'
import { debug } from '../debug.js'
import {
  ERR_HTTP_BODY_NOT_ALLOWED,
  ERR_HTTP_CONTENT_LENGTH_MISMATCH,
  ERR_INVALID_ARG_TYPE,
  ERR_STREAM_ALREADY_FINISHED,
  ERR_STREAM_DESTROYED,
  ERR_STREAM_NULL_VALUES,
  ERR_STREAM_WRITE_AFTER_END,
  ERR_UNKNOWN_ENCODING,
} from '../errors.js'
import {
  kBytesWritten,
  kCorked,
  kCorkedChunks,
  kCorkedLength,
  kEndCallbacks,
  kErrored,
  kFlushError,
  JOINING,
  kRemember,
  OBS_TEXT_HEAD,
  REJECT_BODY,
  WRITABLE_FINISHED,
  type EndCallback,
} from './outgoing-state.js'
import { isUtf8Text, type Encoding } from './output-queue.js'
import {
  bodyFlags,
  bound,
  byteLength,
  endTrailers,
  flushOutput,
  isAwaited,
  isShortAscii,
  queueEnd,
  send,
  sendLast,
  transportOf,
} from './sending.js'
import { MERGES_CHUNKS } from './stream-writer.js'
import { kSocket, kState } from '../symbols.js'
import { CHUNKED, type BodyChunk, type MessageTransport } from '../bridge/transport.js'
import { joinLast, releaseCorked, waitingLength, waitsForTurn } from './turn-parts.js'

const { isUint8Array } = types

/** Whether the body must have exactly the announced length. */
function lengthIsStrict(message: OutgoingMessage): boolean {
  return (
    message.strictContentLength &&
    message._contentLength != null &&
    message._hasBody &&
    !message._removedContLen &&
    !message.chunkedEncoding &&
    !message.hasHeader('transfer-encoding')
  )
}

/** @throws ERR_STREAM_NULL_VALUES, ERR_INVALID_ARG_TYPE */
function checkChunk(chunk: unknown): asserts chunk is BodyChunk {
  if (typeof chunk === 'string' || isUint8Array(chunk)) return
  if (chunk === null) throw ERR_STREAM_NULL_VALUES()
  throw ERR_INVALID_ARG_TYPE('chunk', ['string', 'Buffer', 'Uint8Array'], chunk)
}

/** @throws ERR_HTTP_CONTENT_LENGTH_MISMATCH */
function countStrictly(message: OutgoingMessage, length: number, last: boolean): void {
  const written = message[kBytesWritten] + length
  if (lengthIsStrict(message) && (last ? written !== message._contentLength : written > message._contentLength!)) {
    throw ERR_HTTP_CONTENT_LENGTH_MISMATCH(written, message._contentLength!)
  }
  message[kBytesWritten] = written
}

/** The work of `write()`. Returns false when the caller should wait for 'drain', or when the chunk was refused. */
export function writeChunk(message: OutgoingMessage, chunk: unknown, encoding: Encoding, callback: unknown): boolean {
  checkChunk(chunk)
  if (message.finished || message.destroyed) return refuseWrite(message, callback)
  if (message.strictContentLength) countStrictly(message, byteLength(chunk, encoding), false)
  if (!message._header) message._implicitHeader()
  if (!message._hasBody) {
    dropBody(message)
    if (typeof callback === 'function') process.nextTick(callback)
    return true
  }
  checkEncoding(chunk, encoding)
  const done = bound(callback)
  const transport = transportOf(message)
  if (transport === null || !waitsForTurn(message, transport, chunk)) {
    return send(message, chunk, encoding, message.chunkedEncoding ? CHUNKED : 0, done)
  }
  const joins = MERGES_CHUNKS || (message[kState] & JOINING) !== 0
  if (message[kCorked] !== 0) message[kState] |= JOINING
  ;(message[kCorkedChunks] ??= []).push({ chunk, encoding, callback: done, joins })
  message[kCorkedLength] += byteLength(chunk, encoding)
  return message.outputSize + waitingLength(message) + transport.writableLength < transport.writableHighWaterMark
}

/** @throws ERR_UNKNOWN_ENCODING */
function checkEncoding(chunk: BodyChunk, encoding: Encoding): void {
  if (typeof chunk === 'string' && encoding && !Buffer.isEncoding(encoding)) throw ERR_UNKNOWN_ENCODING(encoding)
}

function refuseWrite(message: OutgoingMessage, callback: unknown): false {
  if (!message.destroyed) reportError(message, ERR_STREAM_WRITE_AFTER_END(), callback)
  else if (typeof callback === 'function')
    process.nextTick(callback, message.finished ? ERR_STREAM_WRITE_AFTER_END() : ERR_STREAM_DESTROYED('write'))
  return false
}

/** Calls back and emits 'error' at the next tick. */
function reportError(message: OutgoingMessage, error: Error, callback: unknown): void {
  if (!message.destroyed) process.nextTick(emitError, message, error, callback)
}

function emitError(message: OutgoingMessage, error: Error, callback: unknown): void {
  if (typeof callback === 'function') callback(error)
  if (typeof message.emit === 'function' && !message.destroyed) message.emit('error', error)
}

/** @throws ERR_HTTP_BODY_NOT_ALLOWED if the message was made with `rejectNonStandardBodyWrites` */
function dropBody(message: OutgoingMessage): void {
  if ((message[kState] & REJECT_BODY) !== 0) throw ERR_HTTP_BODY_NOT_ALLOWED()
  debug?.('This message must not have a body. It is ignored.')
}

/** The work of `end()`. */
export function endMessage(message: OutgoingMessage, chunk: unknown, encoding: Encoding, callback: unknown): void {
  let body: BodyChunk | null = null
  if (chunk) {
    if (message.finished) {
      reportError(message, ERR_STREAM_WRITE_AFTER_END(), callback)
      return
    }
    checkChunk(chunk)
    body = chunk
  } else if (message.finished) {
    if (typeof callback === 'function') queueEndCallback(message, callback as EndCallback)
    return
  }
  if (message.destroyed) {
    endDestroyed(message, body, callback)
    return
  }

  if (message.strictContentLength && body !== null) countStrictly(message, byteLength(body, encoding), true)
  let ascii = false
  if (!message._header) {
    message._contentLength = body === null ? 0 : byteLength(body, encoding)
    message._implicitHeader()
    // As many bytes as characters: ASCII, which transports write fastest as latin1. A head beyond ASCII needs the real encoding.
    if (
      isUtf8Text(body, encoding) &&
      body!.length === message._contentLength &&
      (message[kState] & OBS_TEXT_HEAD) === 0
    ) {
      ascii = true
    }
  } else if (
    !message._headerSent &&
    isUtf8Text(body, encoding) &&
    (message[kState] & OBS_TEXT_HEAD) === 0 &&
    isShortAscii(body as string)
  ) {
    ascii = true
  }
  if (body !== null && !message._hasBody) {
    dropBody(message)
    body = null
  }
  // As in Node a message is not checked before it is the next one to be sent. A message that fails then is not sent.
  if (body !== null && transportOf(message) !== null) checkEncoding(body, encoding)
  if (lengthIsStrict(message) && message[kBytesWritten] !== message._contentLength) {
    throw ERR_HTTP_CONTENT_LENGTH_MISMATCH(message[kBytesWritten], message._contentLength!)
  }
  if (body !== null) debug?.('write ret = %s', message.writableLength < message.writableHighWaterMark)
  if (typeof callback === 'function') queueEndCallback(message, callback as EndCallback)
  if (message[kCorkedChunks] !== null) {
    // As in Node the last part is joined to those of this turn, unless they have callbacks.
    const last = joinLast(message, body, encoding, transportOf(message))
    if (last !== null) {
      body = last.chunk
      encoding = last.encoding
      ascii = isUtf8Text(body, encoding) && (message[kState] & OBS_TEXT_HEAD) === 0 && isShortAscii(body as string)
    } else if (
      body !== null &&
      MERGES_CHUNKS &&
      message.chunkedEncoding &&
      transportOf(message)?.writesAsNode !== true
    ) {
      // In one chunk with the earlier parts, whose callbacks wait for its end.
      message[kCorkedChunks].push({ chunk: body, encoding, callback: null, joins: true })
      body = null
    }
  }
  if (isAwaited(message)) message[kRemember]()

  const transport = transportOf(message)
  if (transport === null) queueEnd(message, body, encoding, ascii)
  else if (transport.writesAsNode === true) sendEndingAsNode(message, transport, body, encoding)
  else sendEnding(message, transport, body, ascii ? 'latin1' : encoding)
  message[kCorked] = 0
  message.finished = true
  debug?.('outgoing message end.')
  if (transport !== null) message._finish()
}

/** Sends the waiting parts and the last one, together. */
function sendEnding(
  message: OutgoingMessage,
  transport: MessageTransport,
  body: BodyChunk | null,
  encoding: Encoding,
): void {
  const alone = message[kCorkedChunks] === null && message.outputData.length === 0
  if (alone && (body === null || message._header) && endTrailers(message) === '') {
    sendLast(message, transport, body, encoding)
    return
  }
  transport.gather?.(true)
  try {
    if (message[kCorkedChunks] !== null) releaseCorked(message)
    if (message.outputData.length !== 0) flushOutput(message)
    sendLast(message, transport, body, encoding)
  } finally {
    transport.gather?.(false)
  }
}

/** As `sendEnding`, with the socket corked where Node corks it: for a last part, and for waiting parts. */
function sendEndingAsNode(
  message: OutgoingMessage,
  transport: MessageTransport,
  body: BodyChunk | null,
  encoding: Encoding,
): void {
  const parts = message[kCorkedChunks]
  const alone = parts === null && message.outputData.length === 0 && endTrailers(message) === ''
  if (body !== null && !alone) transport.gather?.(true)
  if (parts !== null) {
    if (body !== null && MERGES_CHUNKS && message.chunkedEncoding) {
      parts.push({ chunk: body, encoding, callback: null, joins: true })
      body = null
    }
    releaseCorked(message)
  }
  if (message.outputData.length !== 0) flushOutput(message)
  sendLast(message, transport, body, encoding)
}

/**
 * Nothing can be sent, but a handler that continues finds its message ended, and hooks on the head run. As in Node callbacks are
 * not called, unless an end without bytes follows a head that was sent.
 */
function endDestroyed(message: OutgoingMessage, body: BodyChunk | null, callback: unknown): void {
  const endsEmpty = body === null && message._headerSent && bodyFlags(message) === 0 && message.writableLength === 0
  if (body === null && !message._header) message._implicitHeader()
  message.finished = true
  if (message.outputData.length === 0 && transportOf(message) !== null) message._finish()
  if (typeof callback === 'function' && (endsEmpty || message[kFlushError] !== null))
    queueEndCallback(message, callback as EndCallback)
  if (endsEmpty) process.nextTick(finishDestroyed, message)
}

function finishDestroyed(message: OutgoingMessage): void {
  if (finishMessage(message)) message.emit('finish')
}

function queueEndCallback(message: OutgoingMessage, callback: EndCallback): void {
  if ((message[kState] & WRITABLE_FINISHED) !== 0) callback(ERR_STREAM_ALREADY_FINISHED('end'))
  else if (message[kFlushError] !== null) process.nextTick(callback, message[kFlushError])
  else (message[kEndCallbacks] ??= []).push(callback)
}

/**
 * The end has been sent, or will never be. Calls the callbacks of `end()`, and emits 'finish' when it was sent.
 * @returns whether the message was sent
 */
export function finishMessage(message: OutgoingMessage, error?: Error | null): boolean {
  if ((message[kState] & WRITABLE_FINISHED) !== 0) return false
  const callbacks = message[kEndCallbacks]
  message[kEndCallbacks] = null
  const failure = error ?? message[kErrored] ?? message[kSocket]?.errored ?? null
  if (failure !== null) {
    if (message.finished) message[kFlushError] = failure
    if (callbacks !== null) for (const callback of callbacks) callback(failure)
    return false
  }
  message[kState] |= WRITABLE_FINISHED
  if (callbacks !== null) for (const callback of callbacks) callback(null)
  return true
}
