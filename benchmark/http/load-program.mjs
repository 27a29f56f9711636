// A program that loads a server from the other core, and reports on its standard output, one line of JSON at a time.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onOtherCore } from './pinning.mjs'

const LINE_MS = 60_000

export class LoadProgram {
  #child
  #lines
  #gone

  /**
   * @param {string} name the script in this folder; it ends with its standard input
   * @param {(string | number)[]} values its arguments
   */
  constructor(name, values) {
    const script = fileURLToPath(new URL(name, import.meta.url))
    const [file, ...args] = onOtherCore([process.execPath, script, ...values.map(String)])
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    // A program that has ended is reported by its exit.
    this.#child.stdin.on('error', () => {})
    this.#gone = once(this.#child, 'exit')
    this.#lines = createInterface({ input: this.#child.stdout })
  }

  /**
   * @param {string} [command] a line for its standard input, written first
   * @returns {Promise<any>} its next line
   * @throws if it ends before that, or prints nothing for a minute and is killed
   */
  async report(command) {
    try {
      const line = once(this.#lines, 'line', { signal: AbortSignal.timeout(LINE_MS) })
      if (command !== undefined) this.#child.stdin.write(`${command}\n`)
      const ended = this.#gone.then(([code]) => {
        throw new Error(`the load ended with ${code}`)
      })
      return JSON.parse((await Promise.race([line, ended]))[0])
    } catch (error) {
      this.#child.kill('SIGKILL')
      throw error
    }
  }

  /** Ends it. */
  async release() {
    this.#child.stdin.end()
    await this.#gone
  }
}
