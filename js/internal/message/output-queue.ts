/**
 * `outputData`: the bytes that a message writes before it has a connection, framed and in Node's portions, because programs read
 * and edit them. Proxy agents, for example, rewrite the head of a request that is queued already.
 */
import type { OutgoingMessage } from '../../outgoing.js'
import { HEAD_QUEUED, OBS_TEXT_HEAD, kQueuedHead } from './outgoing-state.js'
import { CRLF, sizeLine } from '../chunked-coding.js'
import { ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_ENCODING } from '../errors.js'
import { kHighWaterMark, kState } from '../symbols.js'
import {
  type BodyChunk,
  type MessageTransport,
  type WirePart,
  type WriteCallback,
  CHUNKED,
} from '../bridge/transport.js'

export type Encoding = BufferEncoding | null | undefined

/** An element of `outputData`. */
export type OutputEntry = WirePart

/** The parts of the first entry. Valid while the program has not edited its `data`. */
export interface QueuedHead {
  readonly data: string
  readonly head: string
  readonly body: string
  /** The encoding of the body. Latin1 for ASCII, which transports write fastest. */
  readonly encoding: Encoding
}

/** Text up to this length shares a record with the head. */
const SHORT = 4096

/** Entries that are interim responses, or parts of them. They precede the head. */
const interim = new WeakSet<OutputEntry>()

/** The default encoding of text. */
export function isUtf8Text(data: BodyChunk | null, encoding: Encoding): boolean {
  return typeof data === 'string' && (!encoding || encoding === 'utf8')
}

/**
 * The head as text that transports encode as latin1. Node sends the head together with a first part that is a string, in that
 * part's encoding, so a head with characters above 0x7f is UTF-8 when the part is, and latin1 otherwise.
 */
export function headText(message: OutgoingMessage, head: string, asUtf8: boolean): string {
  if ((message[kState] & OBS_TEXT_HEAD) === 0) return head
  if (asUtf8) return utf8Bytes(head)
  // A Content-Disposition that was decoded after it had been validated (`recoded` in `render-head.ts`). Latin1 would keep only
  // the low byte of such a character, which may be a CR or an LF.
  return WIDE.test(head) ? head.replace(WIDE_RUNS, utf8Bytes) : head
}

const WIDE = /[^\x00-\xff]/
const WIDE_RUNS = /[^\x00-\xff]+/g

/** Latin1 text with a character for each byte of `text` in UTF-8. */
function utf8Bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Queues bytes without framing, after the head if that is due. @returns whether there is room for more */
export function queueData(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  callback: WriteCallback | null,
  ascii = false,
): boolean {
  if (!message._headerSent && message._header) {
    const head = message._header
    message._headerSent = true
    message[kState] |= HEAD_QUEUED
    if (typeof data === 'string' && (!encoding || encoding === 'utf8' || encoding === 'latin1')) {
      const joined = head + data
      if (data !== '') message[kQueuedHead] = { data: joined, head, body: data, encoding: ascii ? 'latin1' : encoding }
      return queue(message, joined, encoding, callback)
    }
    queue(message, head, 'latin1', null)
  }
  return queue(message, data, encoding, callback)
}

/** Queues a body part in the chunked coding. */
export function queueChunk(
  message: OutgoingMessage,
  data: BodyChunk,
  length: number,
  encoding: Encoding,
  callback: WriteCallback | null,
): boolean {
  queueData(message, sizeLine(length), 'latin1', null)
  queue(message, CRLF, null, null)
  queue(message, data, encoding, null)
  return queue(message, CRLF, null, callback)
}

/** Queues an interim response, or part of one. */
export function queueInterim(
  message: OutgoingMessage,
  data: BodyChunk,
  encoding: Encoding,
  callback: WriteCallback | null,
): boolean {
  const accepted = queue(message, data, encoding, callback)
  interim.add(message.outputData.at(-1)!)
  return accepted
}

function queue(message: OutgoingMessage, data: BodyChunk, encoding: Encoding, callback: WriteCallback | null): boolean {
  message.outputData.push({ data, encoding, callback })
  message.outputSize += data.length
  message._onPendingData(data.length)
  return message.outputSize < message[kHighWaterMark]
}

/**
 * Hands the queue to the transport.
 * @param chunked CHUNKED if the transport frames the parts after the queue, otherwise 0
 * @param end END and the flags that go with it if the queue is the whole message, otherwise 0
 * @returns the transport's result for the last part; undefined when the queue is empty
 * @throws ERR_INVALID_ARG_TYPE for an entry of the program that is not data, ERR_UNKNOWN_ENCODING. Nothing has been sent then
 */
export function sendQueue(message: OutgoingMessage, transport: MessageTransport, flags: number): boolean | undefined {
  const entries = message.outputData
  if (entries.length === 0) return undefined
  for (const { data, encoding } of entries) {
    if (typeof data !== 'string' && !(data instanceof Uint8Array))
      throw ERR_INVALID_ARG_TYPE('chunk', ['string', 'Buffer', 'TypedArray', 'DataView'], data)
    if (typeof data === 'string' && encoding && !Buffer.isEncoding(encoding)) throw ERR_UNKNOWN_ENCODING(encoding)
  }
  const head = message[kQueuedHead]
  const headQueued = (message[kState] & HEAD_QUEUED) !== 0
  message.outputData = []
  message[kQueuedHead] = null
  message[kState] &= ~HEAD_QUEUED
  const accepted =
    transport.sendQueued?.(message, entries, flags & ~CHUNKED) ??
    new QueueSender(message, transport, flags, head, headQueued).send(entries)
  message._onPendingData(-message.outputSize)
  message.outputSize = 0
  return accepted
}

/** Turns the queue into the calls of a MessageTransport. */
class QueueSender {
  readonly #message: OutgoingMessage
  readonly #transport: MessageTransport
  /** Whether the transport frames later parts. */
  readonly #chunked: number
  readonly #end: number
  readonly #made: QueuedHead | null
  /** Whether the next part is the head, or begins with it. */
  #headDue: boolean
  /** The text of a head that has not been sent yet, with the short parts that follow it. */
  #head: string | null = null
  #ended = false
  #accepted = true

  constructor(
    message: OutgoingMessage,
    transport: MessageTransport,
    flags: number,
    made: QueuedHead | null,
    headDue: boolean,
  ) {
    this.#message = message
    this.#transport = transport
    this.#chunked = flags & CHUNKED
    this.#end = flags & ~CHUNKED
    this.#made = made
    this.#headDue = headDue
  }

  send(entries: OutputEntry[]): boolean {
    this.#transport.gather?.(true)
    try {
      return this.#sendAll(entries)
    } finally {
      this.#transport.gather?.(false)
    }
  }

  #sendAll(entries: OutputEntry[]): boolean {
    const last = entries.length - 1
    for (let i = 0; i <= last; i++) {
      const entry = entries[i]!
      if (interim.has(entry)) {
        this.#accepted = this.#transport.sendInterim(latin1(entry.data, entry.encoding), entry.callback)
      } else {
        this.#sendPart(entry, i === last ? this.#end : 0)
      }
    }
    if (this.#head !== null) this.#sendHead(null, 'latin1', this.#end, null)
    if (this.#end !== 0 && !this.#ended) this.#accepted = this.#transport.sendEnd(this.#message, '', this.#end)
    return this.#accepted
  }

  #sendPart({ data, encoding, callback }: OutputEntry, end: number): void {
    let part = data
    let partEncoding = encoding
    if (this.#headDue) {
      this.#headDue = false
      const made = this.#made
      if (made !== null && made.data === data) {
        this.#head = headText(this.#message, made.head, isUtf8Text(made.body, encoding))
        part = made.body
        partEncoding = made.encoding
      } else {
        this.#head = latin1(data, encoding)
        part = ''
      }
    }
    const frames = this.#chunked !== 0
    // Short parts that are framed already are sent together with the head.
    if (this.#head !== null && callback === null && this.#message.chunkedEncoding && part.length <= SHORT) {
      this.#head += latin1(part, partEncoding)
      part = ''
      if (this.#head.length > 2 * SHORT) this.#sendHead(null, 'latin1', end, null)
      else if (end === 0) return
    }
    if (this.#head !== null) {
      if (!frames && part.length > 0) {
        this.#sendHead(part, partEncoding ?? 'utf8', end, callback)
        return
      }
      // The body's first part is the next one.
      if (part.length === 0 && end === 0 && callback === null) return
      this.#sendHead(null, 'latin1', part.length > 0 ? 0 : end, null)
    }
    if (part.length > 0) this.#sendRest(part, partEncoding ?? 'utf8', end, callback)
    else if (callback !== null) callInTurn(this.#transport, callback)
  }

  #sendHead(body: BodyChunk | null, encoding: BufferEncoding, end: number, callback: WriteCallback | null): void {
    const head = this.#head!
    this.#head = null
    if (end !== 0) this.#ended = true
    const part = { head, body, encoding }
    this.#accepted = this.#transport.sendHead(this.#message, part, this.#chunked | end, callback)
  }

  #sendRest(part: BodyChunk, encoding: BufferEncoding, end: number, callback: WriteCallback | null): void {
    if (this.#chunked !== 0) {
      this.#accepted = this.#transport.sendFramed(this.#message, part, encoding, callback)
      return
    }
    if (end !== 0) this.#ended = true
    this.#accepted = this.#transport.sendBody(this.#message, part, encoding, end, callback)
  }
}

/** The callback of an empty write is called after those of earlier writes. */
export function callInTurn(transport: MessageTransport, callback: WriteCallback): void {
  if (transport.afterWrites === undefined) process.nextTick(callback, null)
  else transport.afterWrites(callback)
}

/** The bytes of `data`, as latin1 text. */
export function latin1(data: BodyChunk, encoding: Encoding): string {
  if (typeof data !== 'string') return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
  if (encoding === 'latin1' || encoding === 'binary' || encoding === 'ascii') return data
  return Buffer.from(data, encoding ?? 'utf8').toString('latin1')
}
