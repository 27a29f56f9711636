/**
 * How far ahead of this thread an I/O thread reads a connection's bodies, in bytes that pass for credit: it has some to
 * begin with (`BODY_WINDOW`), uses it up by reading, and stops without.
 */
import { BODY_WINDOW } from '../native/records.js'

/** Credited at once; less waits for more, so that a short body costs no record. */
const STEP = 32 * 1024

/** What the I/O thread has to begin with. */
const INITIAL = BODY_WINDOW

/**
 * What it may have while the program takes everything at once. With the initial window alone the two threads wait for each
 * other, and uploads that are on their own take a third longer.
 */
const LARGEST = 256 * 1024

/** Bounds what a thread that is busy elsewhere may find waiting on top of the initial windows: so much for all of them. */
const BUDGET = 16 * 1024 * 1024

let lent = 0

/** What its methods answer is the credit to be sent: 0 for none, less than 0 to take some back. */
export class BodyWindow {
  /** Read and not credited. */
  #owed = 0
  /** Lent on top of the initial window. */
  #extra = 0
  /** Credited since the window last grew. */
  #passed = 0

  /** The program wants no more for now. */
  held = false

  /** Bytes have been given to a program that goes on reading. */
  pass(bytes: number): number {
    this.#owed += bytes
    if (this.#owed < STEP) return 0
    this.#passed += this.#owed
    if (this.#extra < LARGEST - INITIAL && this.#passed >= INITIAL + this.#extra) this.#grow()
    return this.#take()
  }

  /** Bytes have been given to a program that wants no more for now. */
  hold(bytes: number): number {
    this.#owed += bytes
    this.held = true
    return this.#shrink()
  }

  /** The program goes on reading. */
  release(): number {
    this.held = false
    return this.#take()
  }

  /** The body is complete, or the connection has gone. */
  end(): number {
    return this.#shrink()
  }

  #take(): number {
    const credit = this.#owed
    this.#owed = 0
    return credit
  }

  #grow(): void {
    const more = Math.min(INITIAL + this.#extra, LARGEST - INITIAL - this.#extra, BUDGET - lent)
    lent += more
    this.#extra += more
    this.#owed += more
    this.#passed = 0
  }

  #shrink(): number {
    this.#passed = 0
    if (this.#extra === 0) return 0
    lent -= this.#extra
    this.#owed -= this.#extra
    this.#extra = 0
    return this.#owed < 0 ? this.#take() : 0
  }
}
