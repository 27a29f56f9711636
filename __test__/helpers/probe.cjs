'use strict'
// Whether a server is back where it was: connections, handles, threads, memory.
const fs = require('node:fs')
const { setTimeout: pause } = require('node:timers/promises')
const { stats } = require('../../dist/index.js')
const { sample } = require('./leak.cjs')
const { rawExchange } = require('./raw-client.cjs')

const POLL_MS = 10
const POLLS = 1000

/** Waits for a state that has no event. If it is never reached, the error describes the state. */
async function becomes(condition, describe) {
  for (let i = 0; i < POLLS; i += 1) {
    if (await condition()) return
    await pause(POLL_MS)
  }
  throw new Error(`never so: ${await describe()}`)
}

function connections(server) {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )
}

/** Waits until a server counts no connection. */
function hasNoConnection(server) {
  return becomes(
    async () => (await connections(server)) === 0,
    async () => `${await connections(server)} connections`,
  )
}

/** Number of threads of this process; 0 where the system does not report it. */
function threads() {
  try {
    return fs.readdirSync('/proc/self/task').length
  } catch {
    return 0
  }
}

/** Waits until a server has no connection, by its own count and by the I/O threads'. */
function quiet(server) {
  return becomes(
    async () => (await connections(server)) === 0 && stats().server.open === 0,
    async () => `${await connections(server)} connections by getConnections, ${stats().server.open} native ones`,
  )
}

/** The active handles except timers, because helpers have some, too. */
function handles({ handles: { Timeout, Immediate, ...others } }) {
  return others
}

/**
 * Runs `load` to warm up, then `times` more, and checks that everything is back where it was. The bounds are for all
 * the repetitions together, because the leaks of all repetitions add up.
 *
 * @param {import('ava').ExecutionContext} t
 * @param {object} given
 * @param {import('node:http').Server} given.server
 * @param {() => Promise<unknown>} given.load
 * @param {number} given.times
 * @param {number} given.rss bytes that the resident set may grow by
 * @param {number} given.heap bytes that V8's heap and what it owns outside may grow by
 */
async function leavesNothing(t, { server, load, times, rss, heap }) {
  for (let i = 0; i < times / 4; i += 1) await load()
  await quiet(server)
  const before = await sample()
  const threadsBefore = threads()
  for (let i = 0; i < times; i += 1) await load()
  await quiet(server)
  const same = async () => JSON.stringify(handles(await sample())) === JSON.stringify(handles(before))
  await becomes(
    same,
    async () => `handles ${JSON.stringify(handles(before))} became ${JSON.stringify(handles(await sample()))}`,
  )
  t.is(threads(), threadsBefore, 'threads')
  const after = await sample()
  const grown = { rss: after.rss - before.rss, heap: after.heap + after.external - before.heap - before.external }
  t.log(`grown by ${JSON.stringify(grown)}`)
  t.true(grown.heap <= heap, `heap and external grew by ${grown.heap}, allowed are ${heap}`)
  t.true(grown.rss <= rss, `RSS grew by ${grown.rss}, allowed are ${rss}`)
}

/** One whole request on a connection of its own. @returns status line and body */
async function get(port, path = '/') {
  const response = await rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  const [head, body] = response.split('\r\n\r\n')
  return `${head.split('\r\n')[0]} | ${body}`
}

/** The status codes in received bytes, also those of interim heads. */
function statuses(received) {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

module.exports = { becomes, connections, get, hasNoConnection, leavesNothing, quiet, statuses, threads }
