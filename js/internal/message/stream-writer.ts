/**
 * Writes a message's bytes to a stream that is not ours, by calls of `write`, `cork` and `uncork` in Node's portions and order,
 * because mocks and recorders count them. Several frameworks assign a plain object with a `write`, so only `write` is required.
 */
import { CRLF, lastChunk, sizeLine } from '../chunked-coding.js'
import type { CorkedChunk } from './outgoing-state.js'
import type { AssignableSocket } from './stream-transport.js'
import { CHUNKED, END, type BodyChunk, type WriteCallback, type MessagePart } from '../bridge/transport.js'

type Encoding = BufferEncoding | null | undefined

const NOT_ASCII = /[^\x00-\x7f]/

/** Whether the chunks of one turn are joined, which Node does since 24.22. Programs and peers see the same chunks as with the running Node. */
export const MERGES_CHUNKS = (() => {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  return major > 24 || (major === 24 && minor >= 22)
})()

export class StreamWriter {
  readonly #stream: AssignableSocket
  /** Number of calls under way that write several parts, which are sent together. */
  #gathering = 0
  /** Whether the stream is corked until the end of the turn. */
  #holding = false

  constructor(stream: AssignableSocket) {
    this.#stream = stream
  }

  /** The end of a message undoes every `gather(true)`, so a later `gather(false)` has no effect. */
  gather(on: boolean): void {
    if (on) {
      this.#gathering++
      this.#stream.cork?.()
    } else if (this.#gathering > 0) {
      this.#gathering--
      this.#stream.uncork?.()
    }
  }

  /** @returns false when the stream is full */
  write(data: BodyChunk, encoding: Encoding, callback: WriteCallback | null): boolean {
    // A look-alike may return undefined.
    return this.#stream.write(data, encoding as BufferEncoding, callback ?? undefined) !== false
  }

  /**
   * Writes a head, or a body part with its chunked framing, or an end. `flags` are those of a MessageTransport. The callback is
   * for the last byte. A body part waits for the end of the turn, together with later parts.
   * @returns false when the stream is full
   */
  framed(part: MessagePart, flags: number, trailers: string, callback: WriteCallback | null): boolean {
    const { head, body, encoding } = part
    const end = (flags & END) !== 0
    const chunked = (flags & CHUNKED) !== 0
    // The default encoding of text.
    const named = encoding === 'utf8' ? undefined : encoding
    const last = end && chunked ? lastChunk(trailers) : null
    if (end && this.#gathering === 0 && (body !== null || head !== '')) this.#stream.cork?.()
    else if (!end && body !== null) this.#hold()
    let accepted = true
    if (body !== null && chunked) {
      accepted = this.chunk(
        head,
        [{ chunk: body, encoding: named, callback: null, joins: true }],
        last === null ? callback : null,
      )
    } else if (body !== null) {
      accepted = this.#plain(head, body, named, callback)
    } else if (last === null) {
      // A message without a head ends with a write, too, which may be empty. Its callback settles the message.
      accepted = this.write(head, end || NOT_ASCII.test(head) ? 'latin1' : undefined, callback)
    }
    if (last !== null) accepted = this.write(body === null ? head + last : last, 'latin1', callback)
    if (end) this.uncorkFully()
    return accepted
  }

  /** Writes a chunk that is made of `parts`, after `head`. */
  chunk(head: string, parts: readonly CorkedChunk[], callback: WriteCallback | null): boolean {
    let length = 0
    for (const { chunk, encoding } of parts)
      length += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding ?? 'utf8') : chunk.byteLength
    this.write(head + sizeLine(length), 'latin1', null)
    this.write(CRLF, null, null)
    for (const { chunk, encoding } of parts) this.write(chunk, encoding, null)
    return this.write(CRLF, null, callback)
  }

  /** Undoes every `cork()` at the end of a message. Node uncorks once for the socket and once for the message. */
  uncorkFully(): void {
    const stream = this.#stream
    const state = (stream as { _writableState?: { corked?: number } })._writableState
    this.#gathering = 0
    if (MERGES_CHUNKS) this.#holding = false
    if (state !== undefined) state.corked = 1
    stream.uncork?.()
    stream.uncork?.()
  }

  #plain(head: string, body: BodyChunk, encoding: Encoding, callback: WriteCallback | null): boolean {
    if (head === '') return this.write(body, encoding, callback)
    if (typeof body === 'string' && (encoding === 'latin1' || (!encoding && !NOT_ASCII.test(head))))
      return this.write(head + body, encoding, callback)
    this.#stream.cork?.()
    this.write(head, 'latin1', null)
    this.#stream.uncork?.()
    return this.write(body, encoding, callback)
  }

  /** As in Node a stream that is corked already is not corked again. */
  #hold(): void {
    const stream = this.#stream
    if (this.#gathering > 0 || stream.writableCorked > 0) return
    this.#holding = true
    stream.cork?.()
    process.nextTick(() => {
      if (!this.#holding) return
      this.#holding = false
      stream.uncork?.()
    })
  }
}
