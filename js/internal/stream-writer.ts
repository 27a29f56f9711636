/**
 * The calls that bring a message's bytes to a stream which is not ours: `write`, `cork` and `uncork`, in Node's portions and
 * order, because mocks and recorders count them. The stream may be a mere look-alike (several frameworks assign a plain object
 * with a `write`), so nothing but `write` is taken for granted.
 */
import type { CorkedChunk } from './outgoing-state.js'
import type { AssignableSocket } from './stream-transport.js'
import { CHUNKED, END, type BodyChunk, type WriteCallback } from './transport.js'

type Encoding = BufferEncoding | null | undefined

const NOT_ASCII = /[^\x00-\x7f]/

const CRLF = Buffer.from('\r\n')

/** Since Node 24.22 the chunks of one turn leave as one. On every Node programs and peers see the chunks that it makes. */
export const MERGES_CHUNKS = (() => {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  return major > 24 || (major === 24 && minor >= 22)
})()

export class StreamWriter {
  readonly #stream: AssignableSocket
  /** Calls under way that write several parts, which leave together. */
  #gathering = 0
  /** The stream is corked until the end of the turn. */
  #holding = false

  constructor(stream: AssignableSocket) {
    this.#stream = stream
  }

  /** Whoever has begun need not end behind the end of a message, which overrules every `cork()`. */
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
    // A look-alike may answer nothing at all.
    return this.#stream.write(data, encoding as BufferEncoding, callback ?? undefined) !== false
  }

  /**
   * Writes a head, or a body part with what the chunked coding puts around it, or an end; `flags` are those of a
   * MessageTransport. The callback is that of the last byte. A body part waits for the end of the turn with what else is
   * written by then.
   * @returns false when the stream is full
   */
  framed(
    head: string,
    body: BodyChunk | null,
    encoding: Encoding,
    flags: number,
    trailers: string,
    callback: WriteCallback | null,
  ): boolean {
    const end = (flags & END) !== 0
    const chunked = (flags & CHUNKED) !== 0
    // The encoding that text has when nobody names one.
    const named = encoding === 'utf8' ? undefined : encoding
    const last = end && chunked ? `0\r\n${trailers}\r\n` : null
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
      // A message without a head still ends with a write, be it empty: its callback is the settlement.
      accepted = this.write(head, end || NOT_ASCII.test(head) ? 'latin1' : undefined, callback)
    }
    if (last !== null) accepted = this.write(body === null ? head + last : last, 'latin1', callback)
    if (end) this.uncorkFully()
    return accepted
  }

  /** A chunk that is made of `parts`, with `head` in front. */
  chunk(head: string, parts: readonly CorkedChunk[], callback: WriteCallback | null): boolean {
    let length = 0
    for (const { chunk, encoding } of parts)
      length += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding ?? 'utf8') : chunk.byteLength
    this.write(head + length.toString(16), 'latin1', null)
    this.write(CRLF, null, null)
    for (const { chunk, encoding } of parts) this.write(chunk, encoding, null)
    return this.write(CRLF, null, callback)
  }

  /** The end of a message overrules every `cork()`. Node uncorks once for the socket and once for the message. */
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

  /** As in Node a stream that is corked already is not corked once more. */
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
