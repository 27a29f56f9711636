/** Writes of a connection that have been handed over and not acknowledged, in their order. */
import { framingLength } from '../chunked-coding.js'
import { forEachIsolated } from '../node-parity/isolated-callbacks.js'
import { CHUNKED, kSettle, type BodyChunk, type SettledMessage, type WriteCallback } from './transport.js'

interface PendingWrite {
  /** Position of its last byte among all bytes that were written. */
  end: number
  callback: WriteCallback | null
  message: SettledMessage | null
}

/** A body of this many bytes, or characters, fits into any socket's buffer. */
export const SMALL = 4096

/** Whether the kernel accepts a part of this size when it has accepted everything before it. */
export function isSmall(body: BodyChunk | null): boolean {
  return body === null || body.length <= SMALL
}

/** Size of a body part on the wire in bytes, with the chunked framing. */
export function partLength(chunk: BodyChunk, encoding: BufferEncoding, flags: number): number {
  const bytes = typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength
  return (flags & CHUNKED) !== 0 && bytes > 0 ? bytes + framingLength(bytes) : bytes
}

export class PendingWrites {
  /** Number of bytes written so far. */
  #written = 0
  /** Number of bytes so far whose writes have been acknowledged or have failed. */
  #settled = 0
  /** Position after the last message that has ended. */
  #ended = 0
  #writes: PendingWrite[] = []
  /** Number of the first writes that the kernel has accepted, as a query has shown. Their acknowledgements are under way. */
  #sent = 0
  /** Number of bytes since the last acknowledged write that count as accepted, see `presume`. */
  #presumed = 0

  get empty(): boolean {
    return this.#writes.length === 0
  }

  /** Number of bytes of all pending writes. */
  get bytes(): number {
    return this.#written - this.#settled
  }

  /** Whether the kernel will accept all of them at once, and none has a callback. */
  get isSmall(): boolean {
    return this.bytes <= SMALL && this.#writes.every(({ callback, message }) => callback === null && message === null)
  }

  /** Whether there are writes that end a message, and the first of these ends another message than `than`. */
  endsOther(than: SettledMessage): boolean {
    const first = this.#writes.find(({ message }) => message !== null)
    return first !== undefined && first.message !== than
  }

  /** Returns the messages that the pending writes end. Their acknowledgements do not settle these messages any more. */
  recall(): SettledMessage[] {
    const recalled: SettledMessage[] = []
    for (const write of this.#writes) {
      if (write.message !== null) recalled.push(write.message)
      write.message = null
    }
    return recalled
  }

  /** Number of bytes of messages that have ended, which are the first ones. */
  get endedBytes(): number {
    return Math.max(0, this.#ended - this.#settled)
  }

  /**
   * Whether a part of this size may be written without an acknowledgement, because a socket of Node has written so few bytes at
   * once. The next part is acknowledged when there have been too many of them, so that a peer that does not read is noticed.
   */
  presume(bytes: number): boolean {
    if (this.#writes.length > 0 || this.#presumed + bytes > SMALL) return false
    this.#presumed += bytes
    return true
  }

  add(bytes: number, callback: WriteCallback | null, message: SettledMessage | null): void {
    this.#written += bytes
    // The kernel accepts writes in their order, so the acknowledgement of this one covers them.
    this.#presumed = 0
    this.#writes.push({ end: this.#written, callback, message })
  }

  /** The kernel has accepted all of them. */
  markSent(): void {
    this.#sent = this.#writes.length
  }

  /** Whether the kernel may not have accepted all of them. @param acknowledged number of the first ones that it has accepted */
  maybeUnsent(acknowledged: number): boolean {
    return this.#writes.length > Math.max(acknowledged, this.#sent)
  }

  /** Number of bytes that the kernel has accepted, by `acknowledged` and by queries. */
  sentBytes(acknowledged: number): number {
    const count = Math.min(Math.max(acknowledged, this.#sent), this.#writes.length)
    return count === 0 ? 0 : this.#writes[count - 1]!.end - this.#settled
  }

  /** Calls `callback` when the last one is acknowledged. */
  waitForLast(callback: WriteCallback): void {
    this.#writes.at(-1)!.callback = callback
  }

  /** All bytes so far belong to messages that have ended. */
  markEnded(): void {
    this.#ended = this.#written
  }

  /** The kernel has accepted the first `count`. */
  acknowledge(count: number): void {
    this.#sent = Math.max(0, this.#sent - count)
    this.#callBack(this.#writes.splice(0, count), null)
  }

  /** None of them will be accepted any more. */
  fail(error: Error): void {
    this.#callBack(this.#writes.splice(0), error)
  }

  #callBack(writes: PendingWrite[], error: Error | null): void {
    forEachIsolated(writes, ({ end, callback, message }) => {
      // A callback may have settled later writes already.
      if (end > this.#settled) this.#settled = end
      callback?.(error)
      message?.[kSettle](error)
    })
  }

  /**
   * Calls back after the last pending write, never synchronously.
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
