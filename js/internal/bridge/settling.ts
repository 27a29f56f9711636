/** Messages that have been handed over completely, and that no acknowledgement settles. Each is settled once, after its bytes. */
import { kTransport } from '../symbols.js'
import { forEachIsolated } from '../node-parity/isolated-callbacks.js'
import { nextTick } from '../timers.js'
import { kSettle, type MessageTransport, type SettledMessage } from './transport.js'

export class Settling {
  /** Messages whose END is in the scratch buffer. */
  #flushed: SettledMessage[] = []
  /** Messages that count as written. A tick settles each. */
  #presumed: SettledMessage[] = []

  /** Whether a flush settles messages. */
  get isDue(): boolean {
    return this.#flushed.length > 0
  }

  /** The next `settle` settles `message`. */
  add(message: SettledMessage): void {
    this.#flushed.push(message)
  }

  /** A tick settles `message`. The tick is scheduled first, because `nextTick` may throw; one without a message does no harm. */
  addPresumed(message: SettledMessage): void {
    nextTick(this.#settleOldest)
    this.#presumed.push(message)
  }

  /** The flush has been sent, or counts as written. */
  settle(): void {
    if (this.#flushed.length === 0) return
    const messages = this.#flushed
    this.#flushed = []
    forEachIsolated(messages, settle)
  }

  /** See `Port.isSettling`. */
  includesAhead(connection: MessageTransport, response: SettledMessage): boolean {
    for (const message of [...this.#presumed, ...this.#flushed]) {
      if (message === response) return false
      if (isOf(connection, message)) return true
    }
    return false
  }

  /** See `Port.recall`. */
  recall(connection: MessageTransport): SettledMessage[] {
    const recalled = [...this.#presumed, ...this.#flushed].filter((message) => isOf(connection, message))
    if (recalled.length > 0) {
      this.#presumed = this.#presumed.filter((message) => !isOf(connection, message))
      this.#flushed = this.#flushed.filter((message) => !isOf(connection, message))
    }
    return recalled
  }

  readonly #settleOldest = (): void => {
    this.#presumed.shift()?.[kSettle]()
  }
}

function settle(message: SettledMessage): void {
  message[kSettle]()
}

/** Whether the message is one that the connection sends. */
function isOf(connection: MessageTransport, message: SettledMessage): boolean {
  return (message as { [kTransport]?: unknown })[kTransport] === connection
}
