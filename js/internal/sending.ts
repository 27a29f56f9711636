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
  ERR_UNKNOWN_ENCODING,
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
  IN_TURN,
  JOINING,
  kRemember,
  MANAGED,
  NEED_DRAIN,
  OBS_TEXT_HEAD,
  REJECT_BODY,
  WRITABLE_FINISHED,
  type CorkedChunk,
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
import { joinCallbacks, joinParts } from './joined-parts.js'
import { StreamTransport } from './stream-transport.js'
import { MERGES_CHUNKS } from './stream-writer.js'
import { kSocket, kState, kTransport } from './symbols.js'
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

/** Bytes of the chunked coding around a chunk of this length: its size line, and two line ends. */
function framingLength(length: number): number {
  return length.toString(16).length + 4
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
  // `_send` of a program before there is a head: nothing frames these bytes.
  if (!message._header && !message._headerSent) return transport.sendInterim(latin1(data, encoding), callback)
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

/**
 * Whether a part waits for the end of this turn. Node holds back what is written in one turn, so that it leaves together, or
 * not at all if the message is destroyed: since 24.22 in the message, as one chunk, before that in the socket.
 */
function waitsForTurn(message: OutgoingMessage, transport: MessageTransport, chunk: BodyChunk): boolean {
  if (!message.chunkedEncoding && transport.takesParts !== true) return false
  const socketIsCorked = transport.isSocketCorked === true
  // Before 24.22 only what follows the head waits in the message.
  if (!MERGES_CHUNKS && (socketIsCorked || message[kCorked] !== 0) && !message._headerSent) return false
  if (message[kCorked] === 0 && (message[kState] & IN_TURN) === 0) {
    // The program has corked the socket, which holds back each part by itself.
    if (socketIsCorked) return false
    if (MERGES_CHUNKS) {
      corkMessage(message, false)
      process.nextTick(endCork, message)
    } else if (transport.takesParts === true) {
      message[kState] |= IN_TURN
      process.nextTick(endTurn, message)
    } else {
      return false
    }
  }
  // An empty chunk is only a reason for the head to leave.
  return !message.chunkedEncoding || chunk.length !== 0 || message[kCorkedChunks] !== null
}

function endCork(message: OutgoingMessage): void {
  // The end of the message uncorks it, too.
  if (message[kCorked] > 0) uncorkMessage(message, false)
}

function endTurn(message: OutgoingMessage): void {
  message[kState] &= ~IN_TURN
  if (message[kCorked] === 0 && message[kCorkedChunks] !== null) releaseCorked(message)
}

/** @throws ERR_UNKNOWN_ENCODING */
function checkEncoding(chunk: BodyChunk, encoding: Encoding): void {
  if (typeof chunk === 'string' && encoding && !Buffer.isEncoding(encoding)) throw ERR_UNKNOWN_ENCODING(encoding)
}

/**
 * Bytes of the parts that wait, as they will leave: with the framing of their chunks, and with the head where that leaves with
 * them.
 */
function waitingLength(message: OutgoingMessage): number {
  const parts = message[kCorkedChunks]
  if (parts === null) return 0
  const head = !message._headerSent && message._header ? message._header.length : 0
  if (!message.chunkedEncoding) return head + message[kCorkedLength]
  if (MERGES_CHUNKS) {
    const raw = rawLength(parts)
    return head + message[kCorkedLength] + framingLength(message[kCorkedLength] - raw)
  }
  let framing = 0
  for (const { chunk, encoding, joins, isRaw } of parts)
    if (!joins && isRaw !== true && chunk.length !== 0) framing += framingLength(byteLength(chunk, encoding))
  return head + message[kCorkedLength] + framing
}

function rawLength(parts: CorkedChunk[]): number {
  let bytes = 0
  for (const { chunk, encoding, isRaw } of parts) if (isRaw === true) bytes += byteLength(chunk, encoding)
  return bytes
}

/** Bytes that wait for the end of this turn and that Node keeps in the socket, where programs see them. */
export function plainPartsLength(message: OutgoingMessage): number {
  const parts = message[kCorkedChunks]
  if (parts === null) return 0
  return message.chunkedEncoding && MERGES_CHUNKS ? rawLength(parts) : waitingLength(message)
}

/**
 * The socket ends: sends the parts that Node has given to the socket by then. Chunks that wait in the message come too late.
 */
export function releasePlainParts(message: OutgoingMessage): void {
  const parts = message[kCorkedChunks]
  if (parts === null) return
  if (!message.chunkedEncoding || !MERGES_CHUNKS) releaseCorked(message)
  else if (message[kTransport] !== null) sendRawParts(message, message[kTransport], parts)
}

/**
 * Bytes of the socket's own wait with the parts of a message that wait for the end of this turn, which in Node hold the socket
 * corked: they leave with these, or not at all if the connection is destroyed. Chunks that wait in the message come after them.
 * @returns false when nothing waits: they can leave
 */
export function holdRaw(message: OutgoingMessage, chunk: BodyChunk, encoding: BufferEncoding): boolean {
  const parts = message[kCorkedChunks]
  if (parts === null || message.destroyed) return false
  const part: CorkedChunk = { chunk, encoding, callback: null, joins: false, isRaw: true }
  if (message.chunkedEncoding && MERGES_CHUNKS) {
    const first = parts.findIndex(({ isRaw }) => isRaw !== true)
    parts.splice(first === -1 ? parts.length : first, 0, part)
  } else {
    message[kState] &= ~JOINING
    parts.push(part)
  }
  message[kCorkedLength] += byteLength(chunk, encoding)
  return true
}

/** Sends those of the parts that are the socket's own, and takes them away. */
function sendRawParts(message: OutgoingMessage, transport: MessageTransport, parts: CorkedChunk[]): void {
  while (parts[0]?.isRaw === true) {
    const { chunk, encoding } = parts.shift()!
    message[kCorkedLength] -= byteLength(chunk, encoding)
    transport.sendFramed(message, chunk, encoding ?? 'utf8', null)
  }
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

/**
 * Sends the parts that wait. A message that was destroyed meanwhile sends nothing of them.
 * @param corked the message has corked its socket, which holds them together already
 */
export function releaseCorked(message: OutgoingMessage, corked = false): void {
  if (message.destroyed && MERGES_CHUNKS && message.chunkedEncoding && message[kTransport] !== null)
    sendRawParts(message, message[kTransport], message[kCorkedChunks]!)
  const parts = takeParts(message)
  if (message.destroyed) {
    const error = message[kErrored] ?? ERR_STREAM_DESTROYED('write')
    for (const { callback } of parts) if (callback !== null) process.nextTick(callback, error)
    return
  }
  const transport = message[kTransport]
  const gathers = !corked || transport?.writesAsNode !== true
  if (gathers) transport?.gather?.(true)
  try {
    for (let first = 0; first < parts.length; ) {
      const { isRaw } = parts[first]!
      if (isRaw === true && transport !== null) {
        const { chunk, encoding } = parts[first++]!
        transport.sendFramed(message, chunk, encoding ?? 'utf8', null)
        continue
      }
      let next = first + 1
      while (next < parts.length && parts[next]!.isRaw !== true && (parts[next]!.joins || !message.chunkedEncoding))
        next++
      sendParts(message, parts.slice(first, next))
      first = next
    }
  } finally {
    if (gathers) transport?.gather?.(false)
  }
}

/** Sends parts that leave as one. */
function sendParts(message: OutgoingMessage, parts: CorkedChunk[]): void {
  const transport = transportOf(message)
  if (!message.chunkedEncoding || !message._header || transport?.sendChunk === undefined) {
    const { chunk, encoding, callback } = joinParts(parts)
    send(message, chunk, encoding, message.chunkedEncoding ? CHUNKED : 0, callback)
    return
  }
  if (message.outputData.length !== 0) flushOutput(message)
  const head = message._headerSent ? '' : headText(message, message._header, false)
  message._headerSent = true
  transport.sendChunk(message, head, parts, joinCallbacks(parts))
}

function takeParts(message: OutgoingMessage): CorkedChunk[] {
  const parts = message[kCorkedChunks]!
  message[kCorkedChunks] = null
  message[kCorkedLength] = 0
  message[kState] &= ~JOINING
  return parts
}

/** @param byProgram the program's own `cork()`, which also holds back what it writes to the socket itself */
export function corkMessage(message: OutgoingMessage, byProgram: boolean): void {
  message[kCorked]++
  corkSocket(message, byProgram, true)
}

/** Takes back one `corkMessage`; the last one sends what waits. */
export function uncorkMessage(message: OutgoingMessage, byProgram: boolean): void {
  message[kCorked]--
  if (message[kCorked] === 0) message[kState] &= ~JOINING
  const releases = message[kCorked] === 0 && message[kCorkedChunks] !== null && (message[kState] & IN_TURN) === 0
  // Before 24.22 Node uncorks its socket first.
  const early = !MERGES_CHUNKS && message[kTransport]?.writesAsNode === true
  if (early) corkSocket(message, byProgram, false)
  try {
    if (releases) releaseCorked(message, true)
  } finally {
    if (!early) corkSocket(message, byProgram, false)
  }
  if (releases && unsentLength(message) === 0) emitDrain(message)
}

function corkSocket(message: OutgoingMessage, byProgram: boolean, on: boolean): void {
  const { [kSocket]: socket, [kTransport]: transport } = message
  if (socket !== null) (on ? socket.cork : socket.uncork)?.call(socket)
  else transport?.corkSocket?.(on, byProgram)
}

/** The message is destroyed: chunks that wait in it are dropped, and no longer hold the socket corked. */
export function dropChunks(message: OutgoingMessage): void {
  if (message[kCorkedChunks] === null || !message.chunkedEncoding || !MERGES_CHUNKS) return
  message[kCorked] = 1
  uncorkMessage(message, false)
}

/** Bytes that have been written and that the kernel has not taken, as far as this thread knows. */
export function unsentLength(message: OutgoingMessage): number {
  const transport = message[kTransport]
  const handedOver =
    transport !== null ? (transport.countedLength ?? transport.writableLength) : (message[kSocket]?.writableLength ?? 0)
  return message.outputSize + waitingLength(message) + handedOver
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
  // A message whose turn has not come is not checked before it, as in Node: then nothing of it is sent.
  if (body !== null && transportOf(message) !== null) checkEncoding(body, encoding)
  if (lengthIsStrict(message) && message[kBytesWritten] !== message._contentLength) {
    throw ERR_HTTP_CONTENT_LENGTH_MISMATCH(message[kBytesWritten], message._contentLength!)
  }
  if (body !== null) debug?.('write ret = %s', message.writableLength < message.writableHighWaterMark)
  if (typeof callback === 'function') queueEndCallback(message, callback as EndCallback)
  if (message[kCorkedChunks] !== null) {
    // The last part joins those of this turn, as in Node, unless somebody waits for them.
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
      // In one chunk with them, whose end their callbacks wait for.
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

/** Sends what waits, and the last part, which all leave together. */
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

/** As `sendEnding`, with the socket corked where Node corks it: for a last part, and for what waits. */
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

/** The parts of this turn and the last one, as one; null where they must be sent by themselves. */
function joinLast(
  message: OutgoingMessage,
  body: BodyChunk | null,
  encoding: Encoding,
  transport: MessageTransport | null,
): CorkedChunk | null {
  const parts = message[kCorkedChunks]!
  if (transport?.writesAsNode === true) return null
  if ((message.chunkedEncoding && !MERGES_CHUNKS) || parts.some(({ callback }) => callback !== null)) return null
  if (message.chunkedEncoding && message[kTransport] !== null) sendRawParts(message, message[kTransport], parts)
  if (parts.some(({ isRaw }) => isRaw === true)) return null
  if (body !== null) parts.push({ chunk: body, encoding, callback: null, joins: true })
  return joinParts(takeParts(message))
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
