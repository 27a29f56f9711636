/** Hands the parts of an outgoing message to its transport, or to its queue while it has none. */
import { AsyncResource } from 'node:async_hooks'
import type { OutgoingMessage } from '../../outgoing.js'
import { lastChunk } from '../chunked-coding.js'
import { callIn } from '../node-parity/isolated-callbacks.js'
import { kEndCallbacks, MANAGED } from './outgoing-state.js'
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
import { kSocket, kState, kTransport } from '../symbols.js'
import {
  ACKNOWLEDGE,
  CHUNKED,
  CLOSE,
  END,
  type BodyChunk,
  type MessageTransport,
  type WriteCallback,
} from '../bridge/transport.js'

/** The transport, or null while there is none. Made now if a socket was assigned that belongs to this message. */
export function transportOf(message: OutgoingMessage): MessageTransport | null {
  const transport = message[kTransport]
  // The socket cannot be written to but may still be read. The message waits, and its connection decides.
  if (transport !== null) return transport.unwritable === true ? null : transport
  const socket = message[kSocket]
  if (socket === null || socket._httpMessage !== message || !(socket.writable || socket.destroyed)) return null
  return (message[kTransport] = new StreamTransport(socket))
}

export function byteLength(chunk: BodyChunk, encoding: Encoding): number {
  return typeof chunk === 'string' ? textLength(chunk, encoding) : chunk.byteLength
}

/** Up to this length counting bytes here is quicker than the call into Node. */
const COUNT_LIMIT = 32

function textLength(text: string, encoding: Encoding): number {
  if ((!encoding || encoding === 'utf8') && isShortAscii(text)) return text.length
  return Buffer.byteLength(text, encoding ?? 'utf8')
}

export function isShortAscii(text: string): boolean {
  if (text.length > COUNT_LIMIT) return false
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return false
  }
  return true
}

/** The flag for the framing of the body, which a transport receives with the head. */
export function bodyFlags(message: OutgoingMessage): number {
  return message._hasBody && message.chunkedEncoding ? CHUNKED : 0
}

/** Sends or queues body bytes, after the head if that has not been sent yet. */
export function send(
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
  // The program has called `_send` before there is a head: these bytes are not framed.
  if (!message._header && !message._headerSent) return transport.sendInterim(latin1(data, encoding), callback)
  let accepted: boolean
  if (!message._headerSent && message._header) {
    message._headerSent = true
    const head = headText(message, message._header, (flags === 0 || empty) && isUtf8Text(data, encoding))
    accepted = transport.sendHead(
      message,
      { head, body: empty ? null : data, encoding: encoding ?? 'utf8' },
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

/** `_send`: sends bytes without framing, after the head. */
export function sendData(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  callback?: WriteCallback | null,
): boolean {
  return send(message, data, encoding, 0, callback ?? null)
}

/** `_writeRaw`: sends bytes without framing. Before the head they are an interim response, or part of one. */
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

/** Binds the callback of a write to the async context of the write. */
export function bound(callback: unknown): WriteCallback | null {
  if (typeof callback !== 'function') return null
  const scope = new AsyncResource('HTTPOUTGOINGMESSAGE')
  return (error) => callIn(scope, callback as WriteCallback, error)
}

/** Hands over the queue. Returns the transport's result for the last part, or undefined if the queue was empty. */
export function flushOutput(message: OutgoingMessage): boolean | undefined {
  const transport = message.outputData.length === 0 ? null : transportOf(message)
  if (transport === null) return undefined
  // The queue is framed already, including the end.
  if (message.finished) return sendQueue(message, transport, endFlags(message) & ~CHUNKED)
  return sendQueue(message, transport, bodyFlags(message))
}

/** Whether the program waits for an event or a callback after the end. */
export function isAwaited(message: OutgoingMessage): boolean {
  return (
    message[kEndCallbacks] !== null ||
    (message._eventsCount !== 0 && (message._events['finish'] !== undefined || message._events['close'] !== undefined))
  )
}

export function endTrailers(message: OutgoingMessage): string {
  return message._hasBody && message.chunkedEncoding ? message._trailer : ''
}

/**
 * Requests the acknowledgement only if the program would notice it. Earlier bytes may still be under way, and 'finish', 'close'
 * and the callbacks of `end()` promise that the kernel has accepted all bytes.
 */
function endFlags(message: OutgoingMessage): number {
  let flags = END
  flags |= bodyFlags(message)
  if (message._last && (message[kState] & MANAGED) !== 0) flags |= CLOSE
  if (isAwaited(message)) flags |= ACKNOWLEDGE
  return flags
}

export function sendLast(
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
    transport.sendHead(message, { head, body, encoding: encoding ?? 'utf8' }, trailers === '' ? flags : chunked, null)
    if (trailers === '') return
  } else {
    // Earlier parts are under way. Their end is acknowledged after them.
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

/** Queues the last part of a message that is not being sent yet. */
export function queueEnd(message: OutgoingMessage, body: BodyChunk | null, encoding: Encoding, ascii: boolean): void {
  const chunked = bodyFlags(message)
  if (body !== null && chunked !== 0) queuePart(message, body, encoding, chunked, null)
  else if (body !== null) queueData(message, body, encoding, null, ascii)
  if (chunked !== 0) queueData(message, lastChunk(message._trailer), 'latin1', null)
  else if (!message._headerSent) queueData(message, '', 'latin1', null)
}
