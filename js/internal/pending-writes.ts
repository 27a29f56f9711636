/** Writes that have been handed over and not acknowledged, in their order. */
import { forEachIsolated } from './isolate.js'
import { kSettle, type SettledMessage, type WriteCallback } from './transport.js'

interface PendingWrite {
  bytes: number
  callback: WriteCallback | null
  message: SettledMessage | null
}

export class PendingWrites {
  /** Bytes of all of them. */
  bytes = 0
  #writes: PendingWrite[] = []

  get empty(): boolean {
    return this.#writes.length === 0
  }

  add(bytes: number, callback: WriteCallback | null, message: SettledMessage | null): void {
    this.bytes += bytes
    this.#writes.push({ bytes, callback, message })
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
      callback?.(error)
      message?.[kSettle](error)
    })
  }

  /** Calls back with the last one, never synchronously. */
  after(callback: WriteCallback): void {
    const last = this.#writes.at(-1)
    if (last === undefined) {
      process.nextTick(callback, null)
      return
    }
    const before = last.callback
    last.callback = (error) => {
      before?.(error)
      callback(error)
    }
  }
}
