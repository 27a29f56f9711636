// Runs inputs on sockets, which the I/O threads of ferrohttp read.
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from './client-program.mjs'
import { pieces } from './inputs.mjs'
import { Observation } from './observation.mjs'
import { createProgram } from './server-program.mjs'

/** Number of connections at the same time. */
const LANES = 48
/** Milliseconds between two checks of whether the patience is over. */
const TICK = 20

/**
 * Lanes with a server and a client each, which have one connection at a time. So the connection of an event is known without reading
 * `req.socket`, which would make the socket object.
 */
export class NativeRoad {
  #directory = mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-fuzz-'))
  #free = []
  #waiting = []

  /** @param {typeof import('node:http')} http ours */
  constructor(http) {
    for (let i = 0; i < LANES; i++) this.#free.push(new Lane(http, path.join(this.#directory, String(i))))
  }

  /**
   * @param {import('./inputs.mjs').Input} input
   * @param {boolean} whole
   * @param {import('./memory-road.mjs').Result[]} expected the outcomes for which the run need not wait until `patience` is over
   * @param {number} patience the time in milliseconds for an outcome
   * @returns {Promise<import('./memory-road.mjs').Result & { broken: boolean }>} broken: the peer had an error, and may not have received all answers
   */
  async run(input, whole, expected, patience) {
    const lane = this.#free.pop() ?? (await new Promise((resolve) => this.#waiting.push(resolve)))
    try {
      const parts = whole ? [Buffer.from(input.text, 'latin1')] : pieces(input)
      return await lane.run(input, parts, expected, patience)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(lane)
      else next(lane)
    }
  }

  /** Removes the sockets' files. The process has to end after that. */
  close() {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

class Lane {
  #http
  #prefix
  #servers = new Map()
  #observation = new Observation()
  /** Of clients: called with the next connection of the server that they ask. */
  #onpeer = (socket) => socket.destroy()
  #peers = null
  #agent

  constructor(http, prefix) {
    this.#http = http
    this.#prefix = prefix
    this.#agent = new http.Agent({ keepAlive: true })
  }

  async run(input, parts, expected, patience) {
    const observation = new Observation()
    this.#observation = observation
    const peer = input.role === 'server' ? await this.#connect(input, parts) : await this.#ask(input, parts)
    const agent = this.#agent
    const snapshot = () => {
      observation.kept = input.role === 'client' && !observation.closed && Object.keys(agent.freeSockets).length > 0
      return observation.snapshot()
    }
    const open = await settled(
      observation,
      snapshot,
      expected.map((result) => result.open),
      patience,
    )
    peer.end()
    const ended = await settled(
      observation,
      snapshot,
      expected.map((result) => result.ended),
      patience,
    )
    peer.destroy()
    await this.#idle(input, patience)
    observation.onchange = () => {}
    return { open, ended, broken: observation.broken }
  }

  /** Waits until the connection has ended on both sides, so that no late event counts as one of the next connection. */
  async #idle(input, patience) {
    const isBusy = input.role === 'server' ? () => this.#hasConnections(input) : () => this.#hasSockets()
    for (let waited = 0; waited < patience && (await isBusy()); waited++) await delay(1)
  }

  #hasConnections(input) {
    const { server } = this.#servers.get(key(input))
    return new Promise((resolve) => server.getConnections((error, count) => resolve(count > 0)))
  }

  #hasSockets() {
    const { sockets, freeSockets, requests } = this.#agent
    return [sockets, freeSockets, requests].some((each) => Object.keys(each).length > 0)
  }

  /** As a client of the tested server: connects and sends. */
  async #connect(input, parts) {
    const observation = this.#observation
    const socket = net.connect({ path: await this.#server(input), allowHalfOpen: true })
    socket.on('data', (part) => observation.wrote(part))
    observe(socket, observation)
    await new Promise((resolve) => {
      socket.on('connect', () => send(socket, parts, resolve))
      socket.on('error', resolve)
    })
    return socket
  }

  /** As a server that the tested client asks: accepts the request and sends. */
  async #ask(input, parts) {
    const observation = this.#observation
    const socketPath = await this.#peer()
    const connected = new Promise((resolve) => {
      this.#onpeer = (socket) => {
        observe(socket, observation)
        socket.once('data', () => send(socket, parts, () => resolve(socket)))
      }
    })
    const request = ask(
      this.#http,
      input,
      { socketPath, agent: input.profile === 'single' ? false : this.#agent },
      observation,
    )
    // The agent has the connection back after this event.
    request.on('close', () => setImmediate(() => observation.onchange()))
    return connected
  }

  async #server(input) {
    let entry = this.#servers.get(key(input))
    if (entry === undefined) {
      entry = {
        address: `${this.#prefix}-${key(input)}`,
        server: createProgram(this.#http, input, () => this.#observation),
      }
      await new Promise((resolve) => entry.server.listen(entry.address, resolve))
      this.#servers.set(key(input), entry)
    }
    return entry.address
  }

  async #peer() {
    if (this.#peers === null) {
      this.#peers = `${this.#prefix}-peer`
      const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#onpeer(socket))
      await new Promise((resolve) => server.listen(this.#peers, resolve))
    }
    return this.#peers
  }
}

/** Which server serves an input. */
function key({ profile, lenient }) {
  return `${profile}-${lenient}`
}

function observe(socket, observation) {
  socket.resume()
  socket.on('end', () => observation.close())
  socket.on('error', () => {
    observation.broken = true
    observation.close()
  })
  socket.on('close', () => observation.close())
}

/** Sends the parts, one in each turn of the event loop. */
function send(socket, parts, sent) {
  const rest = parts.filter((part) => part.length > 0)
  const next = () => {
    const part = rest.shift()
    if (part === undefined || socket.destroyed) return sent()
    socket.write(part)
    setImmediate(next)
  }
  next()
}

/**
 * Resolves with the observations as soon as they are expected ones, or when the patience is over. The time is measured by timers one
 * after the other, so the event loop polls the sockets between two of them, however busy it is.
 */
function settled(observation, snapshot, expected, patience) {
  const texts = expected.map(withoutDetail)
  return new Promise((resolve) => {
    let ticks = Math.ceil(patience / TICK)
    const finish = (seen) => {
      clearTimeout(timer)
      observation.onchange = () => {}
      resolve(seen)
    }
    const tick = () => {
      if (ticks-- === 0) return finish(snapshot())
      timer = setTimeout(tick, TICK)
    }
    let timer
    tick()
    observation.onchange = () => {
      const seen = snapshot()
      if (texts.includes(withoutDetail(seen))) finish(seen)
    }
    observation.onchange()
  })
}

/** On a socket the bytes before an error may arrive in another number of pieces. */
function withoutDetail(snapshot) {
  return JSON.stringify({ ...snapshot, detail: '' })
}
