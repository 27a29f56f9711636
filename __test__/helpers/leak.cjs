'use strict'
// Finds leaks of memory, handles and connections.
const v8 = require('node:v8')
const vm = require('node:vm')
const { setTimeout: pause } = require('node:timers/promises')

v8.setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')

/** Collects garbage until finalisers, which run between turns, free nothing more. */
async function collect() {
  for (let round = 0; round < 4; round += 1) {
    gc()
    await pause(0)
  }
}

/**
 * Everything countable right now. Bytes are after a collection.
 * @returns {Promise<{ heap: number, external: number, rss: number, handles: Record<string, number> }>}
 *   `handles` counts what keeps the event loop alive, by type
 */
async function sample() {
  await collect()
  const { heapUsed, external, rss } = process.memoryUsage()
  const handles = {}
  for (const type of process.getActiveResourcesInfo()) handles[type] = (handles[type] ?? 0) + 1
  return { heap: heapUsed, external, rss, handles }
}

/**
 * Measures what remains after `work`: runs it `warmUp` times, then `rounds` times between two samples.
 * @param {() => Promise<void>} work
 * @returns {Promise<{ heap: number, external: number, rss: number, handles: Record<string, number> }>} differences; `handles`
 *   has only what changed
 */
async function growth(work, { warmUp = 2, rounds = 5 } = {}) {
  for (let round = 0; round < warmUp; round += 1) await work()
  const before = await sample()
  for (let round = 0; round < rounds; round += 1) await work()
  const after = await sample()
  const handles = {}
  for (const type of new Set([...Object.keys(before.handles), ...Object.keys(after.handles)])) {
    const change = (after.handles[type] ?? 0) - (before.handles[type] ?? 0)
    if (change !== 0) handles[type] = change
  }
  return {
    heap: after.heap - before.heap,
    external: after.external - before.external,
    rss: after.rss - before.rss,
    handles,
  }
}

/** Waits for a state that has no event, such as `stats().server.open === 0`. ava's timeout is the limit. */
async function eventually(condition) {
  while (!condition()) await pause(1)
}

/** Resolves to true when the object of `reference` is collected, to false when it survives `rounds` collections. */
async function collected(reference, rounds = 10) {
  for (let round = 0; round < rounds && reference.deref() !== undefined; round += 1) await collect()
  return reference.deref() === undefined
}

module.exports = { collect, collected, eventually, growth, sample }
