// What a process holds, before and after: connections, handles, threads, memory.
const fs = require('node:fs')
const v8 = require('node:v8')
const vm = require('node:vm')
const { setTimeout: sleep } = require('node:timers/promises')

v8.setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')

const POLL_MS = 20
const POLLS = 400

/** Polls until `condition()` holds; what never comes true ends in an error that says so. */
async function eventually(condition, what) {
  for (let i = 0; i < POLLS; i++) {
    if (await condition()) return
    await sleep(POLL_MS)
  }
  throw new Error(`still not so after ${POLLS * POLL_MS} ms: ${typeof what === 'function' ? await what() : what}`)
}

const connections = (server) => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))))

/** Threads of this process; 0 where the system does not tell. */
function threads() {
  try {
    return fs.readdirSync('/proc/self/task').length
  } catch {
    return 0
  }
}

/** Kinds of active resources and how many of each; timers are the pollers' own. */
function handles() {
  const counts = {}
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Timeout' && kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

async function collected() {
  // Finalizers run in turns of their own.
  for (let i = 0; i < 4; i++) {
    gc()
    await new Promise(setImmediate)
  }
}

async function memory() {
  await collected()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

/**
 * Runs `load` once to warm up and `times` more, and checks that everything is back where it was.
 * The bounds are for all the repetitions together, so that what each of them leaves behind adds up.
 *
 * @param {object} given
 * @param {import('node:http').Server} given.server
 * @param {() => number} given.open native connections open now
 * @param {() => Promise<void>} given.load
 * @param {number} given.times
 * @param {number} given.rss bytes that the resident set may grow by
 * @param {number} given.heap bytes that V8's heap and what it owns outside may grow by
 */
async function leavesNothing(t, { server, open, load, times, rss, heap }) {
  const quiet = () => eventually(async () => (await connections(server)) === 0 && open() === 0,
    async () => `${await connections(server)} connections by getConnections, ${open()} native ones`)
  await load()
  await quiet()
  const before = { handles: handles(), threads: threads(), memory: await memory() }
  for (let i = 0; i < times; i++) await load()
  await quiet()
  await eventually(() => JSON.stringify(handles()) === JSON.stringify(before.handles),
    () => `handles ${JSON.stringify(before.handles)} became ${JSON.stringify(handles())}`)
  t.is(threads(), before.threads, 'threads')
  const after = await memory()
  const grown = { rss: after.rss - before.memory.rss, heap: after.heap - before.memory.heap }
  t.log(`grown by ${JSON.stringify(grown)}`)
  t.true(grown.heap <= heap, `heap and external grew by ${grown.heap}, allowed ${heap}`)
  t.true(grown.rss <= rss, `RSS grew by ${grown.rss}, allowed ${rss}`)
}

module.exports = { collected, connections, eventually, handles, leavesNothing, memory, threads }
