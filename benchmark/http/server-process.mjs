// The process of a server, which is measured or answers the clients that are measured: starts it on its core, reads its port, stops it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { serverFiles } from './certificates.mjs'
import { servedFiles } from './files.mjs'
import { onMeasuredCore } from './pinning.mjs'

const START_MS = 15_000
const STOP_MS = 3_000

export class ServerProcess {
  #child
  #stderr = ''
  /** The server's further processes. */
  #workers = []

  /**
   * @param {import('./implementations.mjs').Implementation} implementation
   * @param {import('./scenarios.mjs').Scenario} scenario decides which program is run, and with which certificate
   * @param {{ pin?: (command: string[]) => string[], env?: Record<string, string> }} [how] the measured core where absent
   */
  constructor(implementation, scenario, { pin = onMeasuredCore, env = {} } = {}) {
    const [file, ...args] = pin(implementation.server(scenario))
    this.name = implementation.name
    this.port = 0
    this.#child = spawn(file, args, {
      env: {
        ...process.env,
        ...implementation.env,
        ...serverFiles(scenario),
        ...servedFiles(scenario),
        ...(scenario.workers && { WORKERS: String(scenario.workers) }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000)
    })
  }

  /** The pid of the server: taskset replaces itself by the server. */
  get pid() {
    return this.#child.pid
  }

  /** All of its processes. */
  get pids() {
    return [this.pid, ...this.#workers]
  }

  /**
   * Runs `use` from when the server listens until it is stopped.
   * @param {string} what the scenario, for messages
   * @param {(server: ServerProcess) => Promise<unknown>} use
   * @throws if the server has ended, and the errors of `use`
   */
  async during(what, use) {
    await this.#ready()
    try {
      const result = await use(this)
      this.assertAlive()
      return result
    } catch (error) {
      this.assertAlive()
      throw new Error(`${what}: ${error.message}`, { cause: error })
    } finally {
      await this.stop()
    }
  }

  /** Resolves when the server has printed the port it listens on; rejects with what it printed to stderr. */
  async #ready() {
    const timeout = AbortSignal.timeout(START_MS)
    const lines = createInterface({ input: this.#child.stdout })
    try {
      const [line] = await Promise.race([
        once(lines, 'line', { signal: timeout }),
        once(this.#child, 'close').then(([code, signal]) => {
          throw new Error(`ended with ${signal ?? code}`)
        }),
      ])
      const { port, workers = [] } = JSON.parse(line)
      this.port = port
      this.#workers = workers
    } catch (cause) {
      await this.stop()
      throw new Error(`${this.name} did not start: ${cause.message}\n${this.#stderr}`, { cause })
    }
  }

  /** @throws when the server ended by itself since it was started */
  assertAlive() {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`${this.name} ended with ${signalCode ?? exitCode} under load\n${this.#stderr}`)
    }
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
    this.#child.kill('SIGTERM')
    await gone
    clearTimeout(deadline)
  }
}
