// Slow and hostile peers, and what they cost the server and a well-behaved client, beside node:http. See docs/SECURITY.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cpuUsage, residentBytes } from './http/process-usage.mjs'
import { quantile } from './http/statistics.mjs'

const file = (name) => fileURLToPath(new URL(`attack/${name}`, import.meta.url))
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const ATTACKS = {
  none: { title: 'none', count: 0 },
  silent: { title: 'silent connections', count: 10_000 },
  unfinished: { title: 'heads that stay unfinished', count: 10_000 },
  heads: { title: 'heads at a byte a second', count: 2_000 },
  bodies: { title: 'bodies at a byte a second', count: 2_000 },
  readers: { title: 'readers that never read 4 MiB', count: 200 },
  flood: { title: 'connections that are reset, as many as possible', count: 50 },
}
const MIB = 1024 * 1024

function answered(socket) {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('data', done).off('close', done)
      resolve()
    }
    socket.on('data', done).on('close', done)
  })
}

/** Requests one after the other on a connection. @returns ms of each response */
async function wellBehaved(port, until) {
  const times = []
  let socket
  while (performance.now() < until) {
    if (socket === undefined || socket.destroyed) {
      socket = net
        .connect(port, '127.0.0.1')
        .setNoDelay(true)
        .on('error', () => {})
    }
    const began = performance.now()
    socket.write(REQUEST)
    await answered(socket)
    times.push(performance.now() - began)
    await sleep(5)
  }
  socket?.destroy()
  return times
}

async function measure(attack, kind, isBlocked, { node, seconds }) {
  const { title, count } = ATTACKS[attack]
  const server = fork(file('server.cjs'), [kind, ...(isBlocked ? ['blocked'] : [])], { execPath: node, execArgv: [] })
  const [port] = await once(server, 'message')
  await wellBehaved(port, performance.now() + 1000)
  const before = residentBytes(server.pid) / MIB
  const peers = fork(file('peers.cjs'), [attack, String(port), String(count)], { execPath: node, execArgv: [] })
  let closed = 0
  peers.on('message', (message) => {
    closed = message.closed
  })
  await once(peers, 'message')
  await sleep(2_000)
  const [began, used] = [performance.now(), cpuUsage(server.pid).cpu]
  const times = await wellBehaved(port, began + seconds * 1000)
  const share = (cpuUsage(server.pid).cpu - used) / 1e6 / (performance.now() - began)
  const at = (q) => (times.length === 0 ? '–' : quantile(times, q).toFixed(1))
  const after = residentBytes(server.pid) / MIB
  peers.kill('SIGKILL')
  server.kill('SIGKILL')
  await once(server, 'exit')
  return [
    count === 0 ? title : `${count.toLocaleString('en')} ${title}`,
    isBlocked ? 'yes' : 'no',
    kind === 'node' ? 'node:http' : 'ferrohttp',
    `${before.toFixed(0)} → ${after.toFixed(0)}`,
    `${(share * 100).toFixed(0)} %`,
    at(0.5),
    at(0.99),
    closed,
  ]
}

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: process.execPath },
    seconds: { type: 'string', default: '12' },
    attacks: { type: 'string', default: Object.keys(ATTACKS).join(',') },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  console.log(`npm run attack -- [--attacks ${Object.keys(ATTACKS).join(',')}] [--seconds 12] [--node NODE]`)
} else {
  const options = { node: values.node, seconds: Number(values.seconds) }
  console.log('| peers | JavaScript blocked | server | RSS, MiB | CPU | p50, ms | p99, ms | closed by the server |')
  console.log('|---|---|---|---:|---:|---:|---:|---:|')
  for (const attack of values.attacks.split(',')) {
    for (const isBlocked of [false, true]) {
      for (const kind of ['node', 'ferrohttp']) {
        console.log(`| ${(await measure(attack, kind, isBlocked, options)).join(' | ')} |`)
      }
    }
  }
}
