/** Messages that have been handed over completely, and that no acknowledgement settles. Each is settled once, after its bytes. */
import { kTransport } from '../symbols.js'
import { forEachIsolated } from '../node-parity/isolated-callbacks.js'
import { nextTick } from '../timers.js'
import { kSettle, type MessageTransport, type SettledMessage } from './transport.js'

export class Settling {
  /** Messages whose END is in the scratch buffer. */
  #flushed: SettledMessage[] = []
  /** Messages that count as written when they have been sent, whose END is in the scratch buffer. */
  #presumed: SettledMessage[] = []
  /** Messages that count as written. A tick settles each. */
  #sent: SettledMessage[] = []
  /** Number of ticks that came before their messages were sent. */
  #early = 0
  #isAwaited = false

  /** Whether a flush settles messages. */
  get isDue(): boolean {
    return this.#flushed.length > 0
  }

  /** Whether the program waits for one of the messages that the next `settle` settles, so that they have to be sent before it. */
  get isAwaited(): boolean {
    return this.#isAwaited
  }

  /** The next `settle` settles `message`. */
  add(message: SettledMessage): void {
    this.#flushed.push(message)
  }

  /** As `add`, for a message for which the program waits. */
  addAwaited(message: SettledMessage): void {
    this.#isAwaited = true
    this.#flushed.push(message)
  }

  /**
   * A tick settles `message`, after it has been sent: a listener of 'finish' may block this thread. The tick is scheduled first, because
   * `nextTick` may throw; one without a message does no harm.
   */
  addPresumed(message: SettledMessage, isSent: boolean): void {
    nextTick(this.#settleOldest)
    if (isSent) this.#sent.push(message)
    else this.#presumed.push(message)
  }

  /** All records have been sent. A tick that was early is scheduled again; it is counted until then, because `nextTick` may throw. */
  noteSent(): void {
    if (this.#presumed.length > 0) {
      this.#sent = this.#sent.length === 0 ? this.#presumed : this.#sent.concat(this.#presumed)
      this.#presumed = []
    }
    for (; this.#early > 0; this.#early--) nextTick(this.#settleOldest)
  }

  /** The flush has been sent, or counts as written. */
  settle(): void {
    this.#isAwaited = false
    if (this.#flushed.length === 0) return
    const messages = this.#flushed
    this.#flushed = []
    forEachIsolated(messages, settle)
  }

  /** See `Port.isSettling`. */
  includesAhead(connection: MessageTransport, response: SettledMessage): boolean {
    for (const message of [...this.#sent, ...this.#presumed, ...this.#flushed]) {
      if (message === response) return false
      if (isOf(connection, message)) return true
    }
    return false
  }

  /** See `Port.recall`. */
  recall(connection: MessageTransport): SettledMessage[] {
    const recalled = [...this.#sent, ...this.#presumed, ...this.#flushed].filter((message) => isOf(connection, message))
    if (recalled.length > 0) {
      const isKept = (message: SettledMessage): boolean => !isOf(connection, message)
      this.#sent = this.#sent.filter(isKept)
      this.#presumed = this.#presumed.filter(isKept)
      this.#flushed = this.#flushed.filter(isKept)
    }
    return recalled
  }

  readonly #settleOldest = (): void => {
    const message = this.#sent.shift()
    if (message !== undefined) message[kSettle]()
    else if (this.#presumed.length > 0) this.#early++
  }
}

function settle(message: SettledMessage): void {
  message[kSettle]()
}

/** Whether the message is one that the connection sends. */
function isOf(connection: MessageTransport, message: SettledMessage): boolean {
  return (message as { [kTransport]?: unknown })[kTransport] === connection
}
