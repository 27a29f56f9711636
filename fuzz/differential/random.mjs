// Pseudo-random numbers that a seed determines, so that every input can be reproduced.

/** A generator of 32-bit numbers (mulberry32) with the choices that the grammars need. */
export class Random {
  #state

  /** @param {...number} seeds mixed into one state; the same seeds give the same numbers */
  constructor(...seeds) {
    let state = 0x9e3779b9
    for (const seed of seeds) state = mix((state ^ seed) >>> 0)
    this.#state = state
  }

  /** @returns {number} an integer of 32 bits */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    return mix(this.#state)
  }

  /**
   * @param {number} limit
   * @returns {number} an integer from 0 to `limit` - 1
   */
  below(limit) {
    return this.next() % limit
  }

  /** @param {number} percent how often the answer is true */
  chance(percent) {
    return this.next() % 1000 < percent * 10
  }

  /**
   * @template T
   * @param {ArrayLike<T>} list
   * @returns {T}
   */
  pick(list) {
    return list[this.below(list.length)]
  }

  /**
   * The ordinary choice most of the time, one of the others otherwise.
   *
   * @template T
   * @param {T} usual
   * @param {number} percent how often another one is taken
   * @param {ArrayLike<T>} others
   * @returns {T}
   */
  usually(usual, percent, others) {
    return this.chance(percent) ? this.pick(others) : usual
  }
}

function mix(state) {
  let value = Math.imul(state ^ (state >>> 15), state | 1)
  value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
  return (value ^ (value >>> 14)) >>> 0
}
