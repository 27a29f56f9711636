/** Writes that have been handed over and not acknowledged, in their order. */
import { forEachIsolated } from './isolated-callbacks.js'
import { CHUNKED, kSettle, type BodyChunk, type SettledMessage, type WriteCallback } from './transport.js'

interface PendingWrite {
  /** Its last byte's position among all that were written. */
  end: number
  callback: WriteCallback | null
  message: SettledMessage | null
}

/** A body of so many bytes, or characters of a string, fits into any socket's buffer. */
export const SMALL = 4096

/** Whether the kernel takes a part of this size as soon as it has taken everything before it. */
export function isSmall(body: BodyChunk | null): boolean {
  return body === null || body.length <= SMALL
}

/** Bytes that a body part takes on the wire, the chunked coding's own included. */
export function partLength(chunk: BodyChunk, encoding: BufferEncoding, flags: number): number {
  const bytes = typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength
  // The size line and the two line ends.
  return (flags & CHUNKED) !== 0 && bytes > 0 ? bytes + bytes.toString(16).length + 4 : bytes
}

export class PendingWrites {
  /** Bytes written, ever. */
  #written = 0
  /** Bytes of writes that have been acknowledged or have failed, ever: the first ones. */
  #settled = 0
  /** Position behind the last message that has ended. */
  #ended = 0
  #writes: PendingWrite[] = []
  /** So many of the first ones are with the kernel, as it has said when it was asked; their acknowledgements are on the way. */
  #sent = 0

  get empty(): boolean {
    return this.#writes.length === 0
  }

  /** Bytes of all of them. */
  get bytes(): number {
    return this.#written - this.#settled
  }

  /** The kernel will take all of them at once, and nobody is called back. */
  get isSmall(): boolean {
    return this.bytes <= SMALL && this.#writes.every(({ callback, message }) => callback === null && message === null)
  }

  /** Of these, the bytes of messages that have ended; the first ones. */
  get endedBytes(): number {
    return Math.max(0, this.#ended - this.#settled)
  }

  add(bytes: number, callback: WriteCallback | null, message: SettledMessage | null): void {
    this.#written += bytes
    this.#writes.push({ end: this.#written, callback, message })
  }

  /** The kernel has taken all of them. */
  markSent(): void {
    this.#sent = this.#writes.length
  }

  /** Whether the kernel may not have taken all of them; `acknowledged` of the first ones it has. */
  maybeUnsent(acknowledged: number): boolean {
    return this.#writes.length > Math.max(acknowledged, this.#sent)
  }

  /** Bytes of those that the kernel has taken: `acknowledged`, and what it has said itself. */
  sentBytes(acknowledged: number): number {
    const count = Math.min(Math.max(acknowledged, this.#sent), this.#writes.length)
    return count === 0 ? 0 : this.#writes[count - 1]!.end - this.#settled
  }

  /** The last one is acknowledged to `callback`. */
  waitForLast(callback: WriteCallback): void {
    this.#writes.at(-1)!.callback = callback
  }

  /** What has been written belongs to messages that have ended. */
  markEnded(): void {
    this.#ended = this.#written
  }

  /** The first `count` are with the kernel. */
  acknowledge(count: number): void {
    this.#sent = Math.max(0, this.#sent - count)
    this.#tell(this.#writes.splice(0, count), null)
  }

  /** None will ever be. */
  fail(error: Error): void {
    this.#tell(this.#writes.splice(0), error)
  }

  #tell(writes: PendingWrite[], error: Error | null): void {
    forEachIsolated(writes, ({ end, callback, message }) => {
      // A callback may have settled later ones already.
      if (end > this.#settled) this.#settled = end
      callback?.(error)
      message?.[kSettle](error)
    })
  }

  /**
   * Calls back with the last one, never synchronously.
   * @returns false when there is none
   */
  after(callback: WriteCallback): boolean {
    const last = this.#writes.at(-1)
    if (last === undefined) return false
    const before = last.callback
    last.callback =
      before === null
        ? callback
        : (error) => {
            before(error)
            callback(error)
          }
    return true
  }
}
