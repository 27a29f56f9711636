/** Functions that are called at the end of a phase of the event loop, see `phase.ts`. */
import { runTicks } from '../node-parity/run-ticks.js'
import type { Phase } from './phase.js'

export class AfterPhase {
  readonly #phase: Phase
  readonly #hold: (on: boolean) => void
  #due: (() => void)[] = []

  /** @param hold keeps the event loop alive, or no longer */
  constructor(phase: Phase, hold: (on: boolean) => void) {
    this.#phase = phase
    this.#hold = hold
  }

  /**
   * Calls `act` when this phase ends, where libuv reports what it has done within a call of the program: after ticks and promise jobs,
   * and before immediates. As a request of libuv does, it keeps the event loop alive.
   */
  add(act: () => void): void {
    this.#phase.callAtEnd()
    this.#due.push(act)
    this.#hold(true)
  }

  /** The phase has ended. */
  run(): void {
    if (this.#due.length === 0) return
    const due = this.#due
    this.#due = []
    try {
      while (due.length > 0) {
        this.#hold(false)
        due.shift()!()
        // In Node each is a callback of its own.
        if (due.length > 0) runTicks()
      }
    } finally {
      // One of them, or a tick, has thrown. The others are called at the end of the next phase.
      if (due.length > 0) {
        this.#phase.callAtEnd()
        this.#due.unshift(...due)
      }
    }
  }
}
