/**
 * How far ahead of this thread an I/O thread reads the bodies of a connection. The unit is credit, in bytes: the I/O thread
 * begins with `BODY_WINDOW`, spends credit by reading, and stops at 0.
 */
import { BODY_WINDOW } from '../../native/records.js'

/** Smallest credit in bytes that is granted. Less waits for more, so that a short body costs no record. */
const STEP = 32 * 1024

/** Credit of a new connection. */
const INITIAL = BODY_WINDOW

/**
 * Largest window of a connection whose program reads everything at once. With the initial window only, the two threads wait for
 * each other, and a single upload takes a third longer.
 */
const LARGEST = 256 * 1024

/** Bytes that the windows of all connections together may have beyond their initial sizes. They are memory while this thread is busy. */
const BUDGET = 16 * 1024 * 1024

/** Sum of `#extra` of all connections. */
let extraOfAll = 0

/** Its methods return the credit to send: 0 for none, less than 0 to revoke some. */
export class BodyWindow {
  /** Bytes that the program has read and that are not credited yet. */
  #uncredited = 0
  /** Bytes of the window beyond the initial one. */
  #extra = 0
  /** Bytes credited since the window last grew. */
  #passed = 0

  /** The program has stopped reading for now. */
  held = false

  /** The program has received `bytes` and continues to read. */
  pass(bytes: number): number {
    this.#uncredited += bytes
    if (this.#uncredited < STEP) return 0
    this.#passed += this.#uncredited
    if (this.#extra < LARGEST - INITIAL && this.#passed >= INITIAL + this.#extra) this.#grow()
    return this.#takeCredit()
  }

  /** The program has received `bytes` and stops reading for now. */
  hold(bytes: number): number {
    this.#uncredited += bytes
    this.held = true
    return this.#shrink()
  }

  /** The program reads again. */
  release(): number {
    this.held = false
    return this.#takeCredit()
  }

  /** The body is complete, or the connection is closed. */
  end(): number {
    return this.#shrink()
  }

  #takeCredit(): number {
    const credit = this.#uncredited
    this.#uncredited = 0
    return credit
  }

  #grow(): void {
    const more = Math.min(INITIAL + this.#extra, LARGEST - INITIAL - this.#extra, BUDGET - extraOfAll)
    extraOfAll += more
    this.#extra += more
    this.#uncredited += more
    this.#passed = 0
  }

  #shrink(): number {
    this.#passed = 0
    if (this.#extra === 0) return 0
    extraOfAll -= this.#extra
    this.#uncredited -= this.#extra
    this.#extra = 0
    return this.#uncredited < 0 ? this.#takeCredit() : 0
  }
}
