/** How the parts of an outgoing message reach its transport, now or when its turn comes, and what follows the last one. */
import { AsyncResource } from 'node:async_hooks'
import { types } from 'node:util'
import type { OutgoingMessage } from '../outgoing.js'
import { debug } from './debug.js'
import {
  ERR_HTTP_BODY_NOT_ALLOWED,
  ERR_HTTP_CONTENT_LENGTH_MISMATCH,
  ERR_INVALID_ARG_TYPE,
  ERR_STREAM_ALREADY_FINISHED,
  ERR_STREAM_DESTROYED,
  ERR_STREAM_NULL_VALUES,
  ERR_STREAM_WRITE_AFTER_END,
} from './errors.js'
import { tellIn } from './isolate.js'
import {
  kBytesWritten,
  kCorked,
  kCorkedChunks,
  kCorkedLength,
  kEndCallbacks,
  kErrored,
  kFlushError,
  kRemember,
  MANAGED,
  NEED_DRAIN,
  OBS_TEXT_HEAD,
  REJECT_BODY,
  WRITABLE_FINISHED,
  type EndCallback,
} from './outgoing-state.js'
import {
  callInTurn,
  headText,
  isUtf8Text,
  latin1,
  queueChunk,
  queueData,
  queueInterim,
  sendQueue,
  type Encoding,
} from './output-queue.js'
import { StreamTransport } from './stream-transport.js'
import { kHighWaterMark, kSocket, kState, kTransport } from './symbols.js'
import {
  ACKNOWLEDGE,
  CHUNKED,
  CLOSE,
  END,
  type BodyChunk,
  type MessageTransport,
  type WriteCallback,
} from './transport.js'

const { isUint8Array } = types

/** The transport, made now if a socket was assigned and is this message's; null while there is none. */
function transportOf(message: OutgoingMessage): MessageTransport | null {
  const transport = message[kTransport]
  // What cannot be written to may still be read: the message waits, and its connection decides what comes of it.
  if (transport !== null) return transport.unwritable === true ? null : transport
  const socket = message[kSocket]
  if (socket === null || socket._httpMessage !== message || !(socket.writable || socket.destroyed)) return null
  return (message[kTransport] = new StreamTransport(socket))
}

function byteLength(chunk: BodyChunk, encoding: Encoding): number {
  return typeof chunk === 'string' ? textLength(chunk, encoding) : chunk.byteLength
}

/** Below this length counting here is quicker than the call into Node. */
const COUNT_LIMIT = 32

function textLength(text: string, encoding: Encoding): number {
  if ((!encoding || encoding === 'utf8') && isShortAscii(text)) return text.length
  return Buffer.byteLength(text, encoding ?? 'utf8')
}

function isShortAscii(text: string): boolean {
  if (text.length > COUNT_LIMIT) return false
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return false
  }
  return true
}

/** How the body that follows a head is framed, which a transport is told with the head. */
function bodyFlags(message: OutgoingMessage): number {
  return message._hasBody && message.chunkedEncoding ? CHUNKED : 0
}

/** Sends or queues body bytes, with the head in front if that has not gone yet. */
function send(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  flags: number,
  callback: WriteCallback | null,
): boolean {
  const transport = transportOf(message)
  if (transport === null) return queuePart(message, data, encoding, flags, callback)
  if (message.outputData.length !== 0) flushOutput(message)
  const empty = data.length === 0
  let accepted: boolean
  if (!message._headerSent && message._header) {
    message._headerSent = true
    const head = headText(message, message._header, (flags === 0 || empty) && isUtf8Text(data, encoding))
    accepted = transport.sendHead(
      message,
      head,
      empty ? null : data,
      encoding ?? 'utf8',
      empty ? flags | bodyFlags(message) : flags,
      empty ? null : callback,
    )
  } else if (empty) {
    accepted = transport.writableLength < transport.writableHighWaterMark
  } else {
    return transport.sendBody(message, data, encoding ?? 'utf8', flags, callback)
  }
  if (empty && callback !== null) callInTurn(transport, callback)
  return accepted
}

function queuePart(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  flags: number,
  callback: WriteCallback | null,
): boolean {
  if ((flags & CHUNKED) === 0 || data.length === 0) return queueData(message, data, encoding, callback)
  return queueChunk(message, data, byteLength(data, encoding), encoding, callback)
}

/** `_send`: bytes as they are, behind the head. */
export function sendData(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  callback?: WriteCallback | null,
): boolean {
  return send(message, data, encoding, 0, callback ?? null)
}

/** `_writeRaw`: bytes as they are; before the head has gone they are (part of) an interim response. */
export function sendRaw(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  callback?: WriteCallback | null,
): boolean {
  const done = bound(callback)
  if (message._headerSent) return send(message, data, encoding, 0, done)
  const transport = transportOf(message)
  if (transport === null) return queueInterim(message, data, encoding, done)
  if (message.outputData.length !== 0) flushOutput(message)
  return transport.sendInterim(latin1(data, encoding), done)
}

/** Whoever waits for a write hears of it in the async context of the write. */
function bound(callback: unknown): WriteCallback | null {
  if (typeof callback !== 'function') return null
  const scope = new AsyncResource('HTTPOUTGOINGMESSAGE')
  return (error) => tellIn(scope, callback as WriteCallback, error)
}

/** Hands over what was queued; answers what the last part was answered, undefined if there was none. */
export function flushOutput(message: OutgoingMessage): boolean | undefined {
  const transport = message.outputData.length === 0 ? null : transportOf(message)
  if (transport === null) return undefined
  // The queue is framed already, its end included.
  if (message.finished) return sendQueue(message, transport, 0, endFlags(message) & ~CHUNKED)
  return sendQueue(message, transport, bodyFlags(message), 0)
}

/** True when the body must come out at exactly the length that was announced. */
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

/** The work of `write()`; answers false when the caller should wait for 'drain', or the chunk was refused. */
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
  const done = bound(callback)
  if (!message.chunkedEncoding) return send(message, chunk, encoding, 0, done)
  if (message[kCorked] !== 0 && message._headerSent && chunk.length !== 0) {
    ;(message[kCorkedChunks] ??= []).push({ chunk, encoding, callback: done })
    message[kCorkedLength] += byteLength(chunk, encoding)
    return message[kCorkedLength] < message[kHighWaterMark]
  }
  return send(message, chunk, encoding, CHUNKED, done)
}

function refuseWrite(message: OutgoingMessage, callback: unknown): false {
  if (!message.destroyed) reportError(message, ERR_STREAM_WRITE_AFTER_END(), callback)
  else if (typeof callback === 'function')
    process.nextTick(callback, message.finished ? ERR_STREAM_WRITE_AFTER_END() : ERR_STREAM_DESTROYED('write'))
  return false
}

/** Tells the callback and emits 'error', at the next tick. */
function reportError(message: OutgoingMessage, error: Error, callback: unknown): void {
  if (!message.destroyed) process.nextTick(emitError, message, error, callback)
}

function emitError(message: OutgoingMessage, error: Error, callback: unknown): void {
  if (typeof callback === 'function') callback(error)
  if (typeof message.emit === 'function' && !message.destroyed) message.emit('error', error)
}

/** @throws ERR_HTTP_BODY_NOT_ALLOWED if the message was made so */
function dropBody(message: OutgoingMessage): void {
  if ((message[kState] & REJECT_BODY) !== 0) throw ERR_HTTP_BODY_NOT_ALLOWED()
  debug?.('This message must not have a body. It is ignored.')
}

/** Sends what was written while corked, as one chunk. */
export function releaseCorked(message: OutgoingMessage): void {
  const parts = message[kCorkedChunks]!
  message[kCorkedChunks] = null
  message[kCorkedLength] = 0
  const callbacks: WriteCallback[] = []
  const buffers: Uint8Array[] = []
  for (const { chunk, encoding, callback } of parts) {
    buffers.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : chunk)
    if (callback !== null) callbacks.push(callback)
  }
  const done =
    callbacks.length === 0
      ? null
      : (error?: Error | null) => {
          for (const callback of callbacks) callback(error)
        }
  send(message, buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers), null, CHUNKED, done)
}

/** Emits 'drain' if `write()` has promised one. */
export function emitDrain(message: OutgoingMessage): void {
  if ((message[kState] & NEED_DRAIN) === 0) return
  message[kState] &= ~NEED_DRAIN
  message.emit('drain')
}

/** Somebody waits for what follows the end. */
function isAwaited(message: OutgoingMessage): boolean {
  return (
    message[kEndCallbacks] !== null ||
    (message._eventsCount !== 0 && (message._events['finish'] !== undefined || message._events['close'] !== undefined))
  )
}

function endTrailers(message: OutgoingMessage): string {
  return message._hasBody && message.chunkedEncoding ? message._trailer : ''
}

/**
 * The acknowledgement is asked for only where somebody hears of it: bytes sent before may still be on their way, and
 * 'finish', 'close' and the callbacks of `end()` promise that the system has taken the bytes.
 */
function endFlags(message: OutgoingMessage): number {
  let flags = END
  flags |= bodyFlags(message)
  if (message._last && (message[kState] & MANAGED) !== 0) flags |= CLOSE
  if (isAwaited(message)) flags |= ACKNOWLEDGE
  return flags
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
    // As many bytes as characters: plain ASCII, which transports write fastest. A head beyond ASCII needs the real name.
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
  if (lengthIsStrict(message) && message[kBytesWritten] !== message._contentLength) {
    throw ERR_HTTP_CONTENT_LENGTH_MISMATCH(message[kBytesWritten], message._contentLength!)
  }
  if (body !== null) debug?.('write ret = %s', message.writableLength < message.writableHighWaterMark)
  if (typeof callback === 'function') queueEndCallback(message, callback as EndCallback)
  if (message[kCorkedChunks] !== null) releaseCorked(message)
  if (isAwaited(message)) message[kRemember]()

  const transport = transportOf(message)
  if (transport === null) {
    queueEnd(message, body, encoding, ascii)
  } else {
    if (message.outputData.length !== 0) flushOutput(message)
    sendLast(message, transport, body, ascii ? 'latin1' : encoding)
  }
  message[kCorked] = 0
  message.finished = true
  debug?.('outgoing message end.')
  if (transport !== null) message._finish()
}

/**
 * Nothing can be sent, yet a handler that goes on regardless finds its message ended, and hooks on the head run. As in Node
 * nobody is called back, unless an end without bytes of its own follows a head that was sent.
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

function sendLast(
  message: OutgoingMessage,
  transport: MessageTransport,
  body: BodyChunk | null,
  encoding: Encoding,
): void {
  const trailers = endTrailers(message)
  let flags = endFlags(message)
  const chunked = flags & CHUNKED
  if (body !== null && body.length === 0) body = null
  if (!message._headerSent && message._header) {
    message._headerSent = true
    const head = headText(message, message._header, body !== null && chunked === 0 && isUtf8Text(body, encoding))
    if (trailers === '') {
      transport.sendHead(message, head, body, encoding ?? 'utf8', flags, null)
      return
    }
    transport.sendHead(message, head, body, encoding ?? 'utf8', chunked, null)
  } else {
    // Parts are on their way already; what ends them is acknowledged in their order.
    flags |= ACKNOWLEDGE
    if (body !== null) {
      if (trailers === '' && message._header) {
        transport.sendBody(message, body, encoding ?? 'utf8', flags, null)
        return
      }
      transport.sendBody(message, body, encoding ?? 'utf8', chunked, null)
    }
  }
  transport.sendEnd(message, trailers, flags)
}

/** Queues the last part of a message whose turn has not come. */
function queueEnd(message: OutgoingMessage, body: BodyChunk | null, encoding: Encoding, ascii: boolean): void {
  const chunked = bodyFlags(message)
  if (body !== null && chunked !== 0) queuePart(message, body, encoding, chunked, null)
  else if (body !== null) queueData(message, body, encoding, null, ascii)
  if (chunked !== 0) queueData(message, `0\r\n${message._trailer}\r\n`, 'latin1', null)
  else if (!message._headerSent) queueData(message, '', 'latin1', null)
}

function queueEndCallback(message: OutgoingMessage, callback: EndCallback): void {
  if ((message[kState] & WRITABLE_FINISHED) !== 0) callback(ERR_STREAM_ALREADY_FINISHED('end'))
  else if (message[kFlushError] !== null) process.nextTick(callback, message[kFlushError])
  else (message[kEndCallbacks] ??= []).push(callback)
}

/**
 * The end has been sent, or never will be: tells the callbacks of `end()`, and 'finish' when it was sent.
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
