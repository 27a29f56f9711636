// Prints the progress of a run to standard error: one line that is rewritten in a terminal, a line for each sample elsewhere.

export class Progress {
  #total
  #done = 0
  #started = performance.now()

  /** @param {number} total samples */
  constructor(total) {
    this.#total = total
  }

  /** @param {string} what description of the sample that begins now */
  next(what) {
    const line = `[${this.#done + 1}/${this.#total}${this.#left()}] ${what}`
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
    this.#done += 1
  }

  end() {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  }

  /** The remaining time, estimated from the finished samples. Empty before a few are finished. */
  #left() {
    if (this.#done < 3) return ''
    const milliseconds = ((performance.now() - this.#started) / this.#done) * (this.#total - this.#done)
    return `, ${Math.ceil(milliseconds / 60_000)} min left`
  }
}
