// One sample: a new server is verified, warmed up, loaded and stopped; a new client does that by itself.
import { prepareApplication } from './application.mjs'
import { measureClient } from './client.mjs'
import { measureEvents } from './events.mjs'
import { measureIdle } from './idle.mjs'
import { LINES, REDIS } from './implementations.mjs'
import { load, missingTool } from './load.mjs'
import { onOtherCore } from './pinning.mjs'
import { cpuUsageOfAll, residentBytes } from './process-usage.mjs'
import { ServerProcess } from './server-process.mjs'
import { measureStart } from './start.mjs'
import { verify } from './verify.mjs'

/** Long enough for V8 and JSC to compile the hot path: some 5,000 requests on one connection. */
const WARM_UP_MS = 500
const SERVICES = { lines: LINES, redis: REDIS }

/**
 * @typedef {object} Sample of a 'load', an 'events' or a 'client' scenario. CPU in microseconds a request; latencies in microseconds; rss in bytes;
 * `busy` is the share of one core that was used: well below 1 means that the other side was the limit
 * @property {number} rate requests a second
 * @property {number} cpu
 * @property {number | null} jsCpu null where no thread runs JavaScript
 * @property {number | null} p50 null where pipelined
 * @property {number | null} p99 null where pipelined
 * @property {number} rss
 * @property {number} busy
 */

/**
 * @param {import('./implementations.mjs').Implementation} implementation
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {{ seconds: number, server: import('./implementations.mjs').Implementation | null, warmUpAtMost?: number }} how `server`: the server
 *   that answers a client, or a gateway; `warmUpAtMost`: milliseconds
 * @returns {Promise<Sample | { bytes: number, rss: number } | null>} null if the load's tool is missing, and the answer was only verified
 */
export async function measure(implementation, scenario, { seconds, server, warmUpAtMost = Number.POSITIVE_INFINITY }) {
  const warmUpMs = Math.min(scenario.warmUpMs ?? WARM_UP_MS, warmUpAtMost)
  if (scenario.kind === 'start') return measureStart(implementation)
  if (scenario.kind === 'client') {
    const times = { warmUpMs, windowMs: seconds * 1000 * (scenario.stretch ?? 1) }
    return await measureClient(implementation, scenario, server, times)
  }
  return await withBackend(scenario, server, (env) =>
    measureServer(implementation, scenario, { seconds, warmUpMs, env }),
  )
}

/**
 * Runs `use` with the service that the scenario's server asks, if it has one.
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {import('./implementations.mjs').Implementation | null} server the server that answers a gateway
 * @param {(env: Record<string, string>) => Promise<unknown>} use receives the environment of the server
 */
export async function withBackend(scenario, server, use) {
  if (scenario.backend === undefined) return await use({})
  const service = SERVICES[scenario.backend] ?? server
  const backend = new ServerProcess(service, { program: undefined }, { pin: onOtherCore })
  return await backend.during(`the service of ${scenario.name}`, ({ port }) => use({ BACKEND_PORT: String(port) }))
}

/**
 * Compares the server's answers, and prepares the load.
 * @returns {Promise<import('./scenarios.mjs').Scenario>} the scenario with its prepared requests
 */
export async function prepare(server, scenario) {
  // Its client compares each event.
  if (scenario.kind === 'events') return scenario
  if (scenario.program === 'application') return { ...scenario, requests: await prepareApplication(server) }
  await verify(server, scenario)
  return scenario
}

async function measureServer(implementation, scenario, { seconds, warmUpMs, env }) {
  const program = new ServerProcess(implementation, scenario, { env })
  return await program.during(`${implementation.name}, ${scenario.name}`, async (server) => {
    const ready = await prepare(server, scenario)
    const milliseconds = seconds * 1000 * (scenario.stretch ?? 1)
    const figures = (run) => figuresOf(server, implementation.javascript, run)
    if (scenario.kind === 'idle') return await measureIdle(server, scenario)
    if (scenario.kind === 'events') return await measureEvents(server, scenario, milliseconds, figures)
    if (missingTool(scenario) !== null) return null
    await load(server.port, ready, warmUpMs)
    return await figures((begin) => load(server.port, ready, milliseconds, begin))
  })
}

/** @param {(begin: () => void) => Promise<object>} run the measured time; its result, and `begin`, as `load` of load.mjs has them */
async function figuresOf(server, javascript, run) {
  let before = cpuUsageOfAll(server.pids)
  const result = await run(() => {
    before = cpuUsageOfAll(server.pids)
  })
  const after = cpuUsageOfAll(server.pids)
  const cpu = after.cpu - before.cpu
  const jsCpu = after.mainThreadCpu - before.mainThreadCpu
  return {
    rate: result.requests / result.seconds,
    cpu: cpu / 1000 / result.requests,
    jsCpu: javascript ? jsCpu / 1000 / result.requests : null,
    p50: result.p50,
    p99: result.p99,
    rss: server.pids.reduce((total, pid) => total + residentBytes(pid), 0),
    busy: cpu / 1e9 / result.seconds,
  }
}
