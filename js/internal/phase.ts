/**
 * How much is written in one phase of the event loop (the callbacks of I/O, or all others until the loop looks for I/O again),
 * and whether it leaves at once or together with the rest of the phase.
 *
 * As in Node a write leaves at once, because the program may block this thread next. Where phases bring many (handlers that
 * have waited for a timer, a file or a database, a message to hundreds of clients), each such write costs this thread a system
 * call, so only the first `FEW` writes of such a phase leave at once. The number of writes in the last phase of the same kind
 * decides; the native side counts them (`crates/binding/src/phases.rs`).
 */

import { SMALL } from './pending-writes.js'
import { PHASE_COUNT, PHASE_EXPECTED, PHASE_WAITING, PHASE_WRITES } from '../native/records.js'

/** Writes of a phase that leave at once: after a phase with few writes, and after one with more. */
const MOST = 8
const FEW = 2

/** Every so many writes the clock is asked: what has waited for so many ms leaves then. */
const WAIT_AT_MOST = 0.5
const CLOCK_STEP = 8

export class Phase {
  readonly #words: Uint32Array
  readonly #now: () => number
  /** Since when something waits. */
  #since = 0
  #untilClock = 0

  constructor(memory: ArrayBuffer, now: () => number) {
    this.#words = new Uint32Array(memory)
    this.#now = now
  }

  /** Something waits for the end of this phase, of which the native side will notify this thread. */
  get waiting(): boolean {
    return this.#words[PHASE_WAITING] !== 0
  }

  /** What is written next waits, but for what the clock says. */
  get nextWaits(): boolean {
    const words = this.#words
    return words[PHASE_WRITES]! >= (words[PHASE_EXPECTED]! > MOST ? FEW : MOST)
  }

  /**
   * A record that a peer waits for has been written, with a body of so many characters or bytes.
   * @returns whether it must leave now, with all that waits
   */
  leavesNow(length: number): boolean {
    const words = this.#words
    const waits = this.nextWaits && length <= SMALL
    words[PHASE_WRITES]!++
    if (!waits) return true
    if (words[PHASE_WAITING] === 0) {
      words[PHASE_WAITING] = 1
      this.#since = this.#now()
      this.#untilClock = CLOCK_STEP
      return false
    }
    if (--this.#untilClock > 0) return false
    this.#untilClock = CLOCK_STEP
    return this.#now() - this.#since >= WAIT_AT_MOST
  }

  /** Everything has left. */
  left(): void {
    this.#words[PHASE_WAITING] = 0
  }
}

/** Memory for the words. */
export function phaseMemory(): ArrayBuffer {
  return new ArrayBuffer(PHASE_COUNT * 4)
}
