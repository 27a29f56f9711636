// One sample: a fresh server, verified, warmed up, loaded, stopped; or a fresh client, which does that to itself.
import { measureClient } from './client.mjs'
import { measureIdle } from './idle.mjs'
import { LINES } from './implementations.mjs'
import { load, missingTool } from './load.mjs'
import { onOtherCore } from './pinning.mjs'
import { cpuUsage, residentBytes } from './process-usage.mjs'
import { ServerProcess } from './server-process.mjs'
import { verify } from './verify.mjs'

/** Enough for V8 and JSC to have compiled the hot path; on one connection it is some 5,000 requests. */
const WARM_UP_MS = 500

/**
 * @typedef {object} Sample of a 'load' or a 'client' scenario. CPU in microseconds a request; latencies in microseconds; rss in bytes;
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
 * @param {{ seconds: number, server: import('./implementations.mjs').Implementation | null }} how `server`: who answers a client, or
 *   a gateway
 * @returns {Promise<Sample | { bytes: number, rss: number } | null>} null where the load's tool is missing, and the answer was verified
 */
export async function measure(implementation, scenario, { seconds, server }) {
  if (scenario.kind === 'client') {
    const times = { warmUpMs: scenario.warmUpMs ?? WARM_UP_MS, windowMs: seconds * 1000 * (scenario.stretch ?? 1) }
    return await measureClient(implementation, scenario, server, times)
  }
  if (scenario.backend === undefined) return await measureServer(implementation, scenario, seconds, {})
  const service = scenario.backend === 'lines' ? LINES : server
  const backend = new ServerProcess(service, { program: undefined }, { pin: onOtherCore })
  return await backend.during(`the service of ${scenario.name}`, ({ port }) =>
    measureServer(implementation, scenario, seconds, { BACKEND_PORT: String(port) }),
  )
}

async function measureServer(implementation, scenario, seconds, env) {
  const program = new ServerProcess(implementation, scenario, { env })
  return await program.during(`${implementation.name}, ${scenario.name}`, async (server) => {
    await verify(server, scenario)
    if (scenario.kind === 'idle') return await measureIdle(server, scenario)
    if (missingTool(scenario) !== null) return null
    return await measureLoad(server, scenario, seconds * (scenario.stretch ?? 1), implementation.javascript)
  })
}

async function measureLoad(server, scenario, seconds, javascript) {
  await load(server.port, scenario, scenario.warmUpMs ?? WARM_UP_MS)
  const before = cpuUsage(server.pid)
  const result = await load(server.port, scenario, seconds * 1000)
  const after = cpuUsage(server.pid)
  const cpu = after.cpu - before.cpu
  const jsCpu = after.mainThreadCpu - before.mainThreadCpu
  return {
    rate: result.requests / result.seconds,
    cpu: cpu / 1000 / result.requests,
    jsCpu: javascript ? jsCpu / 1000 / result.requests : null,
    p50: result.p50,
    p99: result.p99,
    rss: residentBytes(server.pid),
    busy: cpu / 1e9 / result.seconds,
  }
}
