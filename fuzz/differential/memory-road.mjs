// Runs inputs in memory, many at the same time: on node:http, the reference, and on the compatible road of ferrohttp.
import { setImmediate as turn } from 'node:timers/promises'
import { ask } from './client-program.mjs'
import { pieces } from './inputs.mjs'
import { MemoryStream } from './memory-stream.mjs'
import { Observation } from './observation.mjs'
import { createProgram } from './server-program.mjs'

/** Number of turns of the event loop after which everything that was sent has had its effect. */
const TURNS_TO_SETTLE = 3

/**
 * The observations before and after the peer ended.
 *
 * @typedef {{ open: import('./observation.mjs').Snapshot, ended: import('./observation.mjs').Snapshot }} Result
 */

export class MemoryRoad {
  #http
  #servers = new Map()
  #agent

  /** @param {typeof import('node:http')} http */
  constructor(http) {
    this.#http = http
    this.#agent = new http.Agent({ keepAlive: true })
    this.#agent.createConnection = ({ stream }) => stream
    this.#agent.on('free', (stream) => {
      stream.observation.kept = true
    })
  }

  /**
   * @param {import('./inputs.mjs').Input[]} inputs
   * @param {boolean} whole whether each is sent at once, or in its pieces, one in each turn of the event loop
   * @returns {Promise<Result[]>}
   */
  async run(inputs, whole) {
    const runs = inputs.map((input) => this.#start(input, whole ? [Buffer.from(input.text, 'latin1')] : pieces(input)))
    await turn()
    const longest = Math.max(...runs.map(({ parts }) => parts.length))
    for (let i = 0; i < longest; i++) {
      for (const { stream, parts } of runs) {
        if (i < parts.length && parts[i].length > 0) stream.receive(parts[i])
      }
      await turn()
    }
    for (let i = 1; i < TURNS_TO_SETTLE; i++) await turn()
    const open = runs.map(({ stream }) => snapshot(stream))
    for (const { stream } of runs) stream.receiveEnd()
    for (let i = 0; i < TURNS_TO_SETTLE; i++) await turn()
    return runs.map(({ stream }, i) => {
      const ended = snapshot(stream)
      stream.destroy()
      return { open: open[i], ended }
    })
  }

  #start(input, parts) {
    const observation = new Observation()
    if (input.role === 'server') {
      const stream = new MemoryStream(observation, true)
      this.#server(input).emit('connection', stream)
      return { stream, parts }
    }
    const stream = new MemoryStream(observation, false)
    stream.onwrite = () => {}
    const connection =
      input.profile === 'single'
        ? { createConnection: () => stream }
        : { agent: this.#agent, stream, port: input.index + 1 }
    ask(this.#http, input, connection, observation)
    return { stream, parts }
  }

  #server(input) {
    const key = `${input.profile} ${input.lenient}`
    let server = this.#servers.get(key)
    if (server === undefined) {
      server = createProgram(this.#http, input, (source) => (source.socket ?? source).observation)
      this.#servers.set(key, server)
    }
    return server
  }
}

/** The snapshot of a stream. A connection that was kept and then closed does not count as kept. */
function snapshot(stream) {
  const { observation } = stream
  if (observation.closed) observation.kept = false
  return observation.snapshot()
}
