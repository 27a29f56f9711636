/** Writes that have been handed over and not acknowledged, in their order. */
import { forEachIsolated } from './isolate.js'
import { CHUNKED, kSettle, type BodyChunk, type SettledMessage, type WriteCallback } from './transport.js'

interface PendingWrite {
  bytes: number
  callback: WriteCallback | null
  message: SettledMessage | null
}

/** Bytes that a body part takes on the wire, the chunked coding's own included. */
export function partLength(chunk: BodyChunk, encoding: BufferEncoding, flags: number): number {
  const bytes = typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength
  // The size line and the two line ends.
  return (flags & CHUNKED) !== 0 && bytes > 0 ? bytes + bytes.toString(16).length + 4 : bytes
}

export class PendingWrites {
  /** Bytes of all of them. */
  bytes = 0
  /** Of these, the bytes of messages that have ended; the first ones. */
  endedBytes = 0
  #writes: PendingWrite[] = []

  get empty(): boolean {
    return this.#writes.length === 0
  }

  /** How many they are. */
  get count(): number {
    return this.#writes.length
  }

  add(bytes: number, callback: WriteCallback | null, message: SettledMessage | null): void {
    this.#writes.push({ bytes, callback, message })
    this.bytes += bytes
  }

  /** Bytes of the first `count`. */
  bytesOf(count: number): number {
    let bytes = 0
    for (let i = 0; i < count && i < this.#writes.length; i++) bytes += this.#writes[i]!.bytes
    return bytes
  }

  /** The last one is acknowledged to `callback`. */
  waitForLast(callback: WriteCallback): void {
    this.#writes.at(-1)!.callback = callback
  }

  /** What has been written belongs to messages that have ended. */
  markEnded(): void {
    this.endedBytes = this.bytes
  }

  /** The first `count` are with the kernel. */
  acknowledge(count: number): void {
    this.#tell(this.#writes.splice(0, count), null)
  }

  /** None will ever be. */
  fail(error: Error): void {
    this.#tell(this.#writes.splice(0), error)
  }

  #tell(writes: PendingWrite[], error: Error | null): void {
    forEachIsolated(writes, ({ bytes, callback, message }) => {
      this.bytes -= bytes
      this.endedBytes = Math.max(0, this.endedBytes - bytes)
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
