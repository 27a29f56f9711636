/** Makes the head of a message from set and given headers: validation, automatic fields, framing. */
import {
  checkInvalidHeaderChar,
  chunkExpression,
  classifyValue,
  closeExpression,
  PLAIN,
  SUSPECT,
} from '../../common.js'
import type { OutgoingMessage } from '../../outgoing.js'
import {
  ERR_HTTP_INVALID_HEADER_VALUE,
  ERR_HTTP_TRAILER_INVALID,
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_CHAR,
} from '../errors.js'
import {
  CONNECTION,
  CONTENT_DISPOSITION,
  CONTENT_LENGTH,
  COOKIE,
  DATE,
  dateLine,
  EXPECT,
  fieldLine,
  fieldName,
  KEEP_ALIVE,
  keepAliveLine,
  lastLengthLine,
  persistentResponseLines,
  TRAILER,
  TRANSFER_ENCODING,
  valueText,
  type FieldList,
  type FieldName,
} from './head.js'
import { HEAD_QUEUED, OBS_TEXT_HEAD } from './outgoing-state.js'
import { kFields, kState, kUniqueHeaders } from '../symbols.js'

/** Within for-in V8 omits this call, which it knows to return true. It does not omit `Object.hasOwn`. */
const { hasOwnProperty } = Object.prototype

/** The headers that `writeHead` accepts: names and values in turn, pairs, an object; or the fields set on the message. */
export type HeaderInput =
  | FieldList
  | readonly (readonly [string, unknown])[]
  | Record<string, unknown>
  | null
  | undefined

/**
 * Checks a field value before it is set.
 * @throws ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_CHAR
 */
export function checkValue(message: OutgoingMessage, name: string, value: unknown): void {
  if (typeof value === 'number') return
  if (typeof value === 'string') {
    if (classifyValue(value) === PLAIN) return
  } else if (value === undefined) {
    throw ERR_HTTP_INVALID_HEADER_VALUE(value, name)
  } else if (classifyValue(valueText(value)) === PLAIN) {
    return
  }
  checkUnusualValue(message, name, valueText(value))
}

function checkUnusualValue(message: OutgoingMessage, name: string, text: string): void {
  if (classifyValue(text) === SUSPECT && checkInvalidHeaderChar(text, message._isLenientHeaderValidation())) {
    throw ERR_INVALID_CHAR('header content', name)
  }
  message[kState] |= OBS_TEXT_HEAD
}

/**
 * Composes `message._header` from the first line, the given headers and the automatic ones.
 *
 * @param headers the fields set on the message, which are valid, or those of a program, which are validated
 * @throws ERR_INVALID_HTTP_TOKEN, ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_CHAR, ERR_INVALID_ARG_VALUE, ERR_HTTP_TRAILER_INVALID
 */
export function storeHeader(message: OutgoingMessage, firstLine: string, headers: HeaderInput): void {
  let head = firstLine
  let seen = 0
  if (headers) {
    if (Array.isArray(headers)) {
      const own = headers === message[kFields]
      if (!own && headers.length > 0 && Array.isArray(headers[0])) headers = (headers as [string, unknown][]).flat(1)
      if (headers.length % 2 !== 0) throw ERR_INVALID_ARG_VALUE('headers', headers)
      for (let i = 0; i < headers.length; i += 2) {
        const field = own ? (headers[i] as FieldName) : fieldName(headers[i] as string)
        const value = headers[i + 1] as unknown
        if (field.role === 0 && own && typeof value === 'string') {
          head += fieldLine(field, value)
          continue
        }
        const lines = renderField(message, field, value, !own)
        if (lines !== '') seen |= field.role
        head += lines
      }
    } else {
      for (const name in headers as Record<string, unknown>) {
        if (!hasOwnProperty.call(headers, name)) continue
        const field = fieldName(name)
        const lines = renderField(message, field, (headers as Record<string, unknown>)[name], true)
        if (lines !== '') seen |= field.role
        head += lines
      }
    }
  }

  // RFC 9110 sections 15.3.5 and 15.4.5: no body, hence no chunks. If the program asked for them, the connection closes, so that no
  // intermediary waits for them.
  const dropChunked = message.chunkedEncoding && (message.statusCode === 204 || message.statusCode === 304)
  if (dropChunked) {
    message.chunkedEncoding = false
    message.shouldKeepAlive = false
  }
  head += connectionLines(message, seen)

  if ((seen & (CONTENT_LENGTH | TRANSFER_ENCODING)) === 0) {
    if (!message._hasBody) {
      message.chunkedEncoding = false
    } else if (!message.useChunkedEncodingByDefault) {
      message._last = true
    } else if ((seen & TRAILER) === 0 && !message._removedContLen && typeof message._contentLength === 'number') {
      message._header = head + lastLengthLine(message._contentLength)
      message._headerSent = isQueued(message)
      if ((seen & EXPECT) !== 0) message._send('')
      return
    } else if (!message._removedTE) {
      head += 'Transfer-Encoding: chunked\r\n'
      message.chunkedEncoding = true
    } else {
      // Neither length nor chunks: the body ends with the connection.
      message._last = true
    }
  }

  if (!message.chunkedEncoding && (seen & TRAILER) !== 0) throw ERR_HTTP_TRAILER_INVALID()

  message._header = head + '\r\n'
  message._headerSent = isQueued(message)
  // A request that asks for 100-continue waits for the answer before it sends its body.
  if ((seen & EXPECT) !== 0) message._send('')
}

/** A program that has the head of a queued message rendered again edits the queue itself, so the head is not queued again. */
function isQueued(message: OutgoingMessage): boolean {
  return (message[kState] & HEAD_QUEUED) !== 0
}

/** The lines of Date, Connection and Keep-Alive that the program has not set or removed. */
function connectionLines(message: OutgoingMessage, seen: number): string {
  const withDate = message.sendDate && (seen & DATE) === 0
  const date = withDate ? dateLine() : ''
  if (message._removedConnection) {
    message._last = !message.shouldKeepAlive
    return date
  }
  if ((seen & CONNECTION) !== 0) return date
  if (
    !message.shouldKeepAlive ||
    !((seen & CONTENT_LENGTH) !== 0 || message.useChunkedEncodingByDefault || message.agent)
  ) {
    message._last = true
    return `${date}Connection: close\r\n`
  }
  if (message.maxRequestsOnConnectionReached) return `${date}Connection: close\r\n`
  const timeout = message._keepAliveTimeout
  if (!timeout || !message._defaultKeepAlive) return `${date}Connection: keep-alive\r\n`
  const max = message._maxRequestsPerSocket ?? 0
  if (withDate) return persistentResponseLines(timeout, max)
  return `Connection: keep-alive\r\n${keepAliveLine(timeout, max)}`
}

/** The lines of one field; '' for an empty array. Notes what the field says about framing. */
function renderField(message: OutgoingMessage, field: FieldName, value: unknown, validate: boolean): string {
  if (field.role === CONTENT_DISPOSITION && message._contentLength) value = recoded(value)
  if (!Array.isArray(value)) {
    if (validate && value === undefined) throw ERR_HTTP_INVALID_HEADER_VALUE(value, field.name)
    return renderLine(message, field, value, validate)
  }
  // Checked again: the program may have changed the list after setting it.
  if ((value.length > 1 && field.role === COOKIE) || message[kUniqueHeaders]?.has(field.lower)) {
    return renderLine(message, field, value.join('; '), true)
  }
  let lines = ''
  for (const item of value as unknown[]) {
    if (validate && item === undefined) throw ERR_HTTP_INVALID_HEADER_VALUE(item, field.name)
    lines += renderLine(message, field, item, true)
  }
  return lines
}

function renderLine(message: OutgoingMessage, field: FieldName, value: unknown, validate: boolean): string {
  if (typeof value === 'string' || typeof value === 'number') {
    // The value was sent before, so it is valid.
    if (validate && field.lastValue !== value) checkValue(message, field.name, value)
    if (field.role !== 0) noteFraming(message, field.role, value)
    return fieldLine(field, value)
  }
  // An object is converted to text only once, because the second text may differ.
  const text = valueText(value)
  checkValue(message, field.name, text)
  if (field.role !== 0) noteFraming(message, field.role, text)
  return field.prefix + text + '\r\n'
}

function noteFraming(message: OutgoingMessage, role: number, value: string | number): void {
  switch (role) {
    case CONNECTION:
      message._removedConnection = false
      if (closeExpression.test(valueText(value))) message._last = true
      else message.shouldKeepAlive = true
      break
    case TRANSFER_ENCODING:
      message._removedTE = false
      if (chunkExpression.test(valueText(value))) message.chunkedEncoding = true
      break
    case CONTENT_LENGTH:
      message._contentLength = +value
      message._removedContLen = false
      break
    case KEEP_ALIVE:
      message._defaultKeepAlive = false
      break
    default:
  }
}

/**
 * When the length of the body is known, Node decodes a Content-Disposition that is UTF-8 in a latin1 string. The head is then
 * sent as UTF-8 (see `headText` in `output-queue.ts`), so the bytes on the wire are the same.
 */
function recoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(recoded)
  return typeof value === 'string' ? Buffer.from(value, 'latin1').toString() : value
}
