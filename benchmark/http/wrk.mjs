// The load: wrk, on its own core.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { origin } from './certificates.mjs'
import { onOtherCore } from './pinning.mjs'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))
/** Longer than any window, so that a request that waits counts as a long latency. */
const TIMEOUT_SECONDS = 30

export const INSTALL = 'wrk is not installed: `apt-get install wrk` on Debian and Ubuntu, or build it from its sources'

/** wrk prints its version with exit code 1; only a missing program has no exit code. */
export const isThere = () => spawnSync('wrk', ['--version']).status !== null

/** How often a window is repeated in which wrk got its signal before it could handle it, as on a busy machine. */
const ATTEMPTS = 3

/**
 * As `load` of load.mjs. wrk takes whole seconds: a window of anything else, for warming up, is cut short by a signal.
 * @throws when an answer was not 2xx or 3xx, or a connection failed
 */
export async function load(port, scenario, milliseconds, attempt = 1) {
  const [file, ...args] = onOtherCore([
    'wrk',
    '--threads',
    '1',
    '--connections',
    String(scenario.connections),
    '--duration',
    `${Math.ceil(milliseconds / 1000)}s`,
    '--timeout',
    `${TIMEOUT_SECONDS}s`,
    '--script',
    SCRIPT,
    ...(scenario.close ? ['--header', 'Connection: close'] : []),
    `${origin(scenario)}:${port}${scenario.path}`,
  ])
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      BENCH_METHOD: scenario.method,
      BENCH_BODY_BYTES: String(scenario.bodyBytes ?? 0),
      BENCH_PIPELINE: String(scenario.pipeline ?? 1),
      BENCH_REQUESTS: scenario.requests?.join('\n') ?? '',
    },
  })
  const cut = milliseconds % 1000 === 0 ? undefined : setTimeout(() => child.kill('SIGINT'), milliseconds)
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const [code, signal] = end
  clearTimeout(cut)
  if (signal === 'SIGINT' && attempt < ATTEMPTS) return await load(port, scenario, milliseconds, attempt + 1)
  const result = stdout.trim().split('\n').at(-1)
  if (code !== 0 || !result.startsWith('{')) throw new Error(`wrk ended with ${code}: ${stderr || stdout}`)
  const { requests, microseconds, p50, p99, ...errors } = JSON.parse(result)
  const failed = Object.entries(errors).filter(([, count]) => count > 0)
  if (failed.length > 0) {
    throw new Error(
      `wrk counted errors in ${scenario.name}: ${failed.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    )
  }
  // wrk corrects latencies for coordinated omission by the interval of one request, not of one batch: pipelined they mean nothing.
  const timed = (scenario.pipeline ?? 1) === 1
  return { requests, seconds: microseconds / 1e6, p50: timed ? p50 : null, p99: timed ? p99 : null }
}
