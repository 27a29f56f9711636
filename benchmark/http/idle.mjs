// Bytes of resident memory that a server spends on a connection which waits for its next request.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AUTHORITY_FILE } from './certificates.mjs'
import { onOtherCore } from './pinning.mjs'
import { residentBytes } from './process-usage.mjs'

const CLIENT = fileURLToPath(new URL('idle-client.mjs', import.meta.url))
/** The first connections grow heaps and warm code up; what they cost is not the price of one more. */
const WARM_UP_CONNECTIONS = 500
const OPEN_MS = 30_000
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
  const trust = tls === undefined ? [] : [AUTHORITY_FILE]
  const [file, ...args] = onOtherCore([process.execPath, CLIENT, String(port), path, String(connections), ...trust])
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  try {
    await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(OPEN_MS) }),
      gone.then(([code]) => {
        throw new Error(`the idle client ended with ${code}`)
      }),
    ])
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  const release = async () => {
    child.stdin.end()
    await gone
  }
  return { release }
}
