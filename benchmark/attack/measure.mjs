// One row of the table: a server, its hostile peers and a well-behaved client.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuUsage, residentBytes } from '../http/process-usage.mjs'
import { quantile } from '../http/statistics.mjs'
import { PROBE, request, withoutBlocks } from './client.mjs'

/** `limit` is the timeout of the server that ends these peers. */
export const ATTACKS = {
  none: { title: 'none', count: 0 },
  silent: { title: 'silent connections', count: 10_000, limit: 'headersTimeout' },
  'silent-20k': { title: 'silent connections', kind: 'silent', count: 20_000, limit: 'headersTimeout' },
  idle: { title: 'connections that stay idle after a request', count: 10_000, limit: 'keepAliveTimeout' },
  unfinished: { title: 'heads that stay unfinished', count: 10_000, limit: 'headersTimeout' },
  heads: { title: 'heads at a byte a second', count: 2_000, limit: 'headersTimeout' },
  bodies: { title: 'bodies at a byte a second', count: 2_000, limit: 'requestTimeout' },
  readers: { title: 'readers that never read 4 MiB', count: 200 },
  flood: { title: 'connections a second that are reset', count: 2_000 },
}
/** Peers of one process. */
const GROUP = 5_000
/** Descriptors that the server and the well-behaved client need besides those of peers. */
const RESERVED = 200
const MIB = 1024 * 1024

const file = (name) => fileURLToPath(new URL(name, import.meta.url))

/** Largest number of connections of one process: Node raises the limit of descriptors as far as the system allows. */
function mostConnections() {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' })
  return stdout.trim() === 'unlimited' ? Number.POSITIVE_INFINITY : Number(stdout) - RESERVED
}

function start(module, args, node) {
  return fork(file(module), args.map(String), { execPath: node, execArgv: [] })
}

/** Starts all peers. Fulfilled when they are connected. */
async function startPeers(kind, count, port, timeout, node) {
  const groups = []
  for (let made = 0; made < count; made += GROUP) {
    const address = `127.0.0.${2 + groups.length}`
    groups.push(start('peers.cjs', [kind, port, Math.min(GROUP, count - made), address, timeout], node))
  }
  await Promise.all(groups.map((group) => once(group, 'message')))
  return groups
}

/** The reports of all peers. */
async function reports(groups) {
  const all = await Promise.all(
    groups.map((group) => {
      const report = once(group, 'message')
      group.send({})
      return report
    }),
  )
  const sum = (name) => all.reduce((total, [report]) => total + report[name], 0)
  return { closed: sum('closed'), failed: sum('failed'), late: all.flatMap(([report]) => report.late) }
}

/** @returns the cells of a row */
export async function measure(attack, implementation, isBlocked, { node, timeout }) {
  const { title, kind = attack, limit, count: wanted } = ATTACKS[attack]
  const count = Math.min(wanted, mostConnections())
  const server = start('server.cjs', [implementation, isBlocked ? 'blocked' : 'free', timeout], node)
  const [{ port }] = await once(server, 'message')
  const blocked = []
  server.on('message', (message) => {
    if (message.blocked) blocked.push(message.blocked.map((time) => Number(BigInt(time)) / 1e6))
  })
  await request(port, 1_000)
  const before = residentBytes(server.pid) / MIB

  const began = performance.now()
  const groups = await startPeers(kind, count, port, timeout, node)
  const connected = performance.now()
  await sleep(500)
  // Until a blocked second before the first timeout, and from there to the end of the last one.
  const [rest, end] = [began + timeout - 1_100 - performance.now(), connected + timeout + 2_500]
  if (rest < 1_000) throw new Error(`${count} peers took too long to connect: a larger --timeout is needed`)
  const used = cpuUsage(server.pid).cpu
  const [times, probes] = await Promise.all([request(port, rest), request(port, rest, PROBE)])
  const share = (cpuUsage(server.pid).cpu - used) / 1e6 / rest
  const after = residentBytes(server.pid) / MIB
  const remaining = end - performance.now()
  const ends = limit === undefined ? [] : await request(port, remaining)
  const { closed, failed, late } = await reports(groups)
  for (const process of [...groups, server]) process.kill('SIGKILL')
  await once(server, 'exit')

  return [
    count === 0 ? title : `${count.toLocaleString('en')} ${title}`,
    isBlocked ? 'yes' : 'no',
    implementation === 'node' ? 'node:http' : 'ferrohttp',
    `${before.toFixed(0)} → ${after.toFixed(0)}`,
    `${(share * 100).toFixed(0)} %`,
    milliseconds(withoutBlocks(times, blocked), [0.5, 0.99, 1]),
    milliseconds(withoutBlocks(probes), [1]),
    milliseconds(withoutBlocks(ends, blocked), [0.99, 1]),
    limit === undefined ? '–' : `${limit}, ${closed - failed} of ${count}: ${milliseconds(late, [0.5, 1])}`,
  ]
}

/** These quantiles of times, such as `0.5 / 12`. */
function milliseconds(times, quantiles) {
  if (times.length === 0) return '–'
  return quantiles
    .map((q) => quantile(times, q))
    .map((time) => time.toFixed(time < 10 ? 1 : 0))
    .join(' / ')
}
