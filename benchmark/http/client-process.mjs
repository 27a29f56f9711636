// The process of a client that sends its requests only in windows, one after another, so that two clients can run beside each other.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onMeasuredCore } from './pinning.mjs'

/** The time that a window may exceed its length: its last answers, and the start of the process. */
const GRACE_MS = 30_000

export class ClientProcess {
  #child
  #stderr = ''

  /**
   * @param {string[]} command the program of clients/ with what starts it
   * @param {import('./scenarios.mjs').Scenario} scenario
   * @param {number} port of the server
   * @param {Record<string, string>} env
   */
  constructor(command, { name }, port, env) {
    const [file, ...args] = onMeasuredCore([...command, String(port), name])
    this.#child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000)
    })
  }

  /**
   * Runs `use`, and ends the client after it.
   * @param {(client: ClientProcess) => Promise<unknown>} use
   */
  async during(use) {
    try {
      return await use(this)
    } finally {
      this.#child.kill('SIGKILL')
    }
  }

  /**
   * Runs the load once.
   * @param {number} warmUpMs
   * @param {number} windowMs
   * @returns {Promise<{ rate: number, cpu: number, jsCpu: number }>} as in `Sample` of measure.mjs
   * @throws when an answer was wrong or a request failed, and after the window's length and GRACE_MS
   */
  async window(warmUpMs, windowMs) {
    const signal = AbortSignal.timeout(warmUpMs + windowMs + GRACE_MS)
    this.#child.send({ warmUpMs, windowMs })
    const ended = new AbortController()
    try {
      const [figures] = await Promise.race([
        once(this.#child, 'message', { signal }),
        once(this.#child, 'close', { signal: ended.signal }).then(([code, killedBy]) => {
          throw new Error(`the client ended with ${killedBy ?? code}\n${this.#stderr}`)
        }),
      ])
      return figures
    } finally {
      ended.abort()
    }
  }
}
