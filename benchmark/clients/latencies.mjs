// Latencies in a fixed number of counters, so that the client's memory does not depend on the length of a run.

/** Counters for each power of two, so that the error of a figure is less than 1 %. */
const STEPS = 128
const SHIFT = Math.log2(STEPS)
/** Of 2^31 µs, half an hour. */
const POWERS = 31 - SHIFT

export class Latencies {
  #counts = new Uint32Array((STEPS / 2) * (POWERS + 2))
  #total = 0

  /** @param {number} milliseconds as `performance.now()` counts */
  record(milliseconds) {
    const microseconds = Math.min(milliseconds * 1000, 2 ** 31 - 1) | 0
    this.#counts[slot(microseconds)] += 1
    this.#total += 1
  }

  clear() {
    this.#counts.fill(0)
    this.#total = 0
  }

  /**
   * @param {number} share 0.5 for the median
   * @returns {number} microseconds
   */
  percentile(share) {
    let left = Math.ceil(this.#total * share)
    for (let index = 0; index < this.#counts.length; index += 1) {
      left -= this.#counts[index]
      if (left <= 0) return lowest(index)
    }
    throw new Error('nothing was recorded')
  }
}

/** The counter of a latency. The first STEPS counters have one microsecond each, the next STEPS / 2 two each, and so on. */
function slot(microseconds) {
  const power = Math.max(0, 32 - Math.clz32(microseconds) - SHIFT)
  return power * (STEPS / 2) + (microseconds >> power)
}

function lowest(index) {
  const power = Math.max(0, Math.floor(index / (STEPS / 2)) - 1)
  return (index - power * (STEPS / 2)) * 2 ** power
}
