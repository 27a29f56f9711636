// Bytes of resident memory that a server spends on a connection which waits for its next request.
import { setTimeout as sleep } from 'node:timers/promises'
import { AUTHORITY_FILE } from './certificates.mjs'
import { LoadProgram } from './load-program.mjs'
import { residentBytes } from './process-usage.mjs'

/** The first connections grow heaps and warm code up; what they cost is not the price of one more. */
const WARM_UP_CONNECTIONS = 500
/** Long enough for freed memory and idle-time work to show, short of every default keep-alive timeout (5 s). */
const SETTLE_MS = 1_000

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {Promise<{ bytes: number, rss: number }>} bytes a connection, and the server's whole RSS holding them all
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
