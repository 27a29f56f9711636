// A run of the fuzzer: runs batches of inputs on every road until the time is over or a difference is found.
import http from 'node:http'
import { compare, name } from './compare.mjs'
import { input, merged } from './inputs.mjs'
import { listed } from './listed.mjs'
import { MemoryRoad } from './memory-road.mjs'
import { minimise } from './minimise.mjs'
import { NativeRoad } from './native-road.mjs'

const BATCH = 64
/** Largest number of runs on sockets at the same time. A slow run delays no other one while there are fewer. */
const RUNS_ON_SOCKETS = 400
/** The time in milliseconds for an outcome on a socket. */
const PATIENCE = 250
/** The same when a difference is checked again. */
const LONG_PATIENCE = 1000
/** The reference has the same outcome when some of the pieces arrive together. */
const MERGED = Symbol('merged')

/**
 * @typedef {object} Finding
 * @property {import('./inputs.mjs').Input} input the input that was found
 * @property {import('./inputs.mjs').Input} smallest
 * @property {string} road
 * @property {boolean} whole whether it was sent at once
 * @property {import('./compare.mjs').Difference} difference
 * @property {import('./memory-road.mjs').Result} reference of the smallest input, as is `own`
 * @property {import('./memory-road.mjs').Result} own
 */

/**
 * @typedef {object} Options
 * @property {number} seed
 * @property {number} seconds
 * @property {number} [first] index of the first input
 * @property {number} [inputs] the run ends after this number of inputs
 * @property {number} [findings] the run ends after this number of differences of different kinds
 * @property {typeof import('node:http')} ferrohttp
 */

export class Session {
  #options
  #reference = new MemoryRoad(http)
  #compatible
  #native
  #onTheirWay = new Set()
  /** @type {Map<string, Finding>} */
  findings = new Map()
  /** Number of messages sent, by role, mode and road. Each was sent to both implementations, whole or in pieces. */
  counts = {}
  /** Number of differences that COMPATIBILITY.md lists, by row. */
  rows = {}
  inputs = 0
  messages = 0
  /** Number of differences on sockets that did not occur again, by kind. */
  unstable = {}

  /** @param {Options} options */
  constructor(options) {
    this.#options = options
    this.#compatible = new MemoryRoad(options.ferrohttp)
    this.#native = new NativeRoad(options.ferrohttp)
  }

  async run() {
    const { seed, seconds, first = 0, inputs = Infinity, findings = 1 } = this.#options
    const end = performance.now() + seconds * 1000
    for (let index = first; index < first + inputs && performance.now() < end && this.findings.size < findings; ) {
      const size = Math.min(BATCH, first + inputs - index)
      const batch = Array.from({ length: size }, (_, i) => input(seed, index + i))
      index += size
      const wholes = await this.#inMemory(batch, true)
      const cuts = await this.#inMemory(batch, false)
      for (const [i, each] of batch.entries()) {
        this.#count(each, 'compatible')
        this.#count(each, 'compatible')
        await this.#judge(each, 'compatible', true, [wholes[i].reference], wholes[i].own)
        // The reference's outcome for the whole bytes is right for the pieces, too.
        await this.#judge(each, 'compatible', false, [cuts[i].reference, wholes[i].reference], cuts[i].own)
      }
      await this.#onSockets(batch, wholes, cuts)
    }
    await Promise.all(this.#onTheirWay)
    this.#native.close()
  }

  async #inMemory(batch, whole) {
    const references = await this.#reference.run(batch, whole)
    const own = await this.#compatible.run(batch, whole)
    return batch.map((each, i) => ({ reference: references[i], own: own[i] }))
  }

  /** Starts the runs on sockets, and waits only while too many are in progress. */
  async #onSockets(batch, wholes, cuts) {
    for (const [i, each] of batch.entries()) {
      while (this.#onTheirWay.size >= RUNS_ON_SOCKETS) await Promise.race(this.#onTheirWay)
      const run = this.#onSocket(each, wholes[i], cuts[i]).finally(() => this.#onTheirWay.delete(run))
      this.#onTheirWay.add(run)
    }
  }

  /** Every second input is sent whole, the others in pieces. */
  async #onSocket(each, ...inMemory) {
    const whole = each.index % 2 === 0
    const known = whole ? inMemory.slice(0, 1) : inMemory.toReversed()
    const references = known.map(({ reference }) => reference)
    const expected = inMemory.flatMap(({ reference, own }) => [reference, own])
    const seen = await this.#native.run(each, whole, expected, PATIENCE)
    this.#count(each, 'native')
    // A difference on both roads counts as one of the compatible road.
    const others = inMemory.map(({ reference, own }) => compare(reference, own)).filter((other) => other !== null)
    await this.#judge(each, 'native', whole, references, seen, others)
  }

  #count({ role, lenient, messages }, road) {
    const key = `${role} ${lenient ? 'lenient' : 'strict'} ${road}`
    this.counts[key] = (this.counts[key] ?? 0) + messages
    this.messages += messages
    if (road === 'native') this.inputs++
  }

  /** Checks that the outcome is one of those that the reference has for these bytes. */
  async #judge(each, road, whole, references, own, known = []) {
    const differences = references.map((reference) => difference(reference, own, road, whole))
    if (differences.includes(null)) return
    if (known.some((other) => name(other) === name(differences[0]))) return
    const mayMerge = road === 'native' && !whole
    const found = { input: each, difference: differences[0], reference: references[0], own, mayMerge }
    const row = listed(found) ?? (mayMerge ? await this.#listedWhenMerged(each, own) : null)
    if (row === MERGED) return
    if (row !== null) {
      this.rows[row.row] = (this.rows[row.row] ?? 0) + 1
      return
    }
    const key = `${road} ${each.role} ${each.lenient ? 'lenient' : 'strict'} ${name(differences[0])}`
    if (this.findings.has(key) || this.findings.size >= (this.#options.findings ?? 1)) return
    if (road === 'native' && (own.broken || !(await this.#comesAgain(each, whole, differences[0])))) {
      this.unstable[key] = (this.unstable[key] ?? 0) + 1
      return
    }
    // Added before the input is minimised, so that further differences of this kind are not minimised, too.
    this.findings.set(key, { ...found, smallest: each, road, whole })
    await this.#minimise(key)
  }

  /**
   * Neighbouring pieces that a socket has received before it was read arrive as one. So `own` is right if the reference has the same
   * outcome with some of the pieces merged: `MERGED`, or a row, if only a listed difference remains. Otherwise null.
   */
  async #listedWhenMerged(each, own) {
    const inputs = merged(each)
    const references = await this.#reference.run(inputs, false)
    let row = null
    for (const [i, reference] of references.entries()) {
      const remaining = difference(reference, own, 'native', false)
      if (remaining === null) return MERGED
      row ??= listed({ input: inputs[i], difference: remaining, reference, own, mayMerge: true })
    }
    return row
  }

  async #comesAgain(each, whole, first) {
    const [outcome] = await this.#outcomes([each], 'native', whole, LONG_PATIENCE)
    return !outcome.own.broken && (await this.#isFinding(outcome, whole, first))
  }

  /** Whether the outcome has the same difference, which neither a row nor merged pieces explain. */
  async #isFinding(outcome, whole, first) {
    if (outcome.difference === null || name(outcome.difference) !== name(first) || listed(outcome) !== null)
      return false
    return !outcome.mayMerge || (await this.#listedWhenMerged(outcome.input, outcome.own)) === null
  }

  async #minimise(key) {
    const { input, road, whole, difference: first } = this.findings.get(key)
    const smallest = await minimise(whole ? { ...input, cuts: [] } : input, async (candidates) => {
      const outcomes = await this.#outcomes(candidates, road, whole, PATIENCE)
      return Promise.all(outcomes.map((outcome) => this.#isFinding(outcome, whole, first)))
    })
    const [outcome] = await this.#outcomes([smallest], road, whole, LONG_PATIENCE)
    this.findings.set(key, { ...this.findings.get(key), ...outcome, input, smallest, difference: first })
  }

  /** Runs inputs on the reference and on one road. */
  async #outcomes(inputs, road, whole, patience) {
    const references = await this.#reference.run(inputs, whole)
    const own =
      road === 'compatible'
        ? await this.#compatible.run(inputs, whole)
        : await Promise.all(inputs.map((each, i) => this.#native.run(each, whole, [references[i]], patience)))
    return inputs.map((each, i) => {
      return {
        input: each,
        reference: references[i],
        own: own[i],
        mayMerge: road === 'native' && !whole,
        difference: difference(references[i], own[i], road, whole),
      }
    })
  }
}

function difference(reference, own, road, whole) {
  return compare(reference, own, road === 'compatible' || whole, road === 'native')
}
