// Bytes of resident memory that a server spends on a connection which waits for its next request.
import { setTimeout as sleep } from 'node:timers/promises'
import { AUTHORITY_FILE } from './certificates.mjs'
import { LoadProgram } from './load-program.mjs'
import { residentBytes } from './process-usage.mjs'

/**
 * The first connections grow heaps, bring in pages of Node's own code and have V8 compile. That is not the price of one more: with 500 of them
 * an idle connection of https seemed to cost 2 to 3 KB more than with 2,500.
 */
const WARM_UP_CONNECTIONS = 2500
/** Long enough for garbage collection and work in idle time, and shorter than every default keep-alive timeout (5 s). */
const SETTLE_MS = 1_000

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {Promise<{ bytes: number, rss: number }>} bytes for each connection, and the server's RSS with all of them
 */
export async function measureIdle(server, scenario) {
  const first = await hold(server.port, scenario, WARM_UP_CONNECTIONS)
  await sleep(SETTLE_MS / 2)
  const before = residentBytes(server.pid)
  const rest = await hold(server.port, scenario, scenario.connections)
  await sleep(SETTLE_MS)
  const rss = residentBytes(server.pid)
  await Promise.all([rest.release(), first.release()])
  return { bytes: (rss - before) / scenario.connections, rss }
}

async function hold(port, { path, tls }, connections) {
  const client = new LoadProgram('idle-client.mjs', [
    port,
    path,
    connections,
    ...(tls === undefined ? [] : [AUTHORITY_FILE]),
  ])
  await client.report()
  return client
}
