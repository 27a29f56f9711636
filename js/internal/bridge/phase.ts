/**
 * Decides whether records are sent at once or together at the end of a phase of the event loop. A phase is the callbacks of I/O, or
 * all others until the loop polls for I/O again.
 *
 * As in Node a write is sent at once, because the program may block this thread next. In a phase with many writes (handlers that
 * have waited for a timer, a file or a database, a message to hundreds of clients) each of them would cost this thread a system
 * call, so only the first few are sent at once. The number of writes in the last phase of the same kind decides. The native side
 * counts them (`crates/binding/src/phases.rs`).
 */

import { SMALL } from './pending-writes.js'
import {
  PHASE_COUNT,
  PHASE_EXPECTED,
  PHASE_SENT,
  PHASE_SERVED,
  PHASE_TURN,
  PHASE_WAITING,
  PHASE_WRITES,
} from '../../native/records.js'

/** Number of writes of a phase that are sent at once, if the last phase had no more than this. */
const AT_ONCE_AFTER_FEW = 8
/** The same, if the last phase had more writes. */
const AT_ONCE_AFTER_MANY = 2

/** The time in ms after which waiting records are sent. */
const LONGEST_WAIT = 0.5
/** The clock is read once in this many writes. */
const CLOCK_STEP = 8

/** Bits of PHASE_WAITING, which the native side reads as a whole: a record waits, a function does. */
const RECORD = 1
const FUNCTION = 2

export class Phase {
  readonly #words: Uint32Array
  readonly #now: () => number
  /** The time since which a record waits. */
  #since = 0
  #untilClock = 0

  constructor(memory: ArrayBuffer, now: () => number) {
    this.#words = new Uint32Array(memory)
    this.#now = now
  }

  /** A record waits for the end of this phase, of which the native side will notify this thread. */
  get waiting(): boolean {
    return (this.#words[PHASE_WAITING]! & RECORD) !== 0
  }

  /** A function is to be called at the end of this phase. */
  callAtEnd(): void {
    this.#words[PHASE_WAITING]! |= FUNCTION
  }

  /** The next record waits, unless the clock decides otherwise. */
  get nextWaits(): boolean {
    const words = this.#words
    return words[PHASE_WRITES]! >= (words[PHASE_EXPECTED]! > AT_ONCE_AFTER_FEW ? AT_ONCE_AFTER_MANY : AT_ONCE_AFTER_FEW)
  }

  /**
   * A record for which a peer waits has been written.
   * @param length of its body, in characters or bytes
   * @returns whether it must be sent now, with all records that wait
   */
  mustSendNow(length: number): boolean {
    const words = this.#words
    const waits = this.nextWaits && length <= SMALL
    words[PHASE_WRITES]!++
    if (!waits) return true
    if (!this.waiting) {
      words[PHASE_WAITING]! |= RECORD
      this.#since = this.#now()
      this.#untilClock = CLOCK_STEP
      return false
    }
    if (--this.#untilClock > 0) return false
    this.#untilClock = CLOCK_STEP
    return this.#now() - this.#since >= LONGEST_WAIT
  }

  /** A request is being passed to its handler. Its time is measured, see `crates/net/src/threads/meter.rs`. */
  countServed(): void {
    this.#words[PHASE_SERVED]!++
  }

  /** Records were sent, or an attempt to connect was begun, since the event loop began to poll for I/O in this turn. */
  get hasSent(): boolean {
    return this.#words[PHASE_SENT] !== 0
  }

  /** See `hasSent`. */
  noteSent(): void {
    this.#words[PHASE_SENT] = 1
  }

  /** The number of this turn of the event loop, which wraps around. A turn begins when the loop polls for I/O. */
  get turn(): number {
    return this.#words[PHASE_TURN]!
  }

  /** All records have been sent, so none waits for the end of its phase. */
  endWait(): void {
    this.#words[PHASE_WAITING]! &= ~RECORD
  }
}

/** Memory for the words. */
export function phaseMemory(): ArrayBuffer {
  return new ArrayBuffer(PHASE_COUNT * 4)
}
