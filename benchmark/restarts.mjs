// Restarts services behind a proxy under load, one after the other, and counts the requests that fail. Ends with 1 when one failed
// where none should. See README.md.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { load } from './restarts/load.mjs'
import { PROXIES } from './restarts/proxies.mjs'

const SERVICE = fileURLToPath(new URL('restarts/service.js', import.meta.url))
const REGISTER = fileURLToPath(new URL('../dist/register.js', import.meta.url))

/** `leaves`: before a service gets its signal, the proxy is asked to send it no new requests. */
const CASES = [
  { title: 'nginx, retries', proxy: 'nginx', retries: true, leaves: false },
  { title: 'nginx, no retries, taken out first', proxy: 'nginx', retries: false, leaves: true },
  { title: 'HAProxy, retries', proxy: 'haproxy', retries: true, leaves: false },
  { title: 'HAProxy, no retries, taken out first', proxy: 'haproxy', retries: false, leaves: true },
]
const DRAINS = { FERROHTTP_DRAIN: '30s', FERROHTTP_DRAIN_DELAY: '1s' }

async function main() {
  const { values } = parseArgs({
    options: {
      restarts: { type: 'string', default: '20' },
      clients: { type: 'string', default: '16' },
      node: { type: 'string', default: process.execPath },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log('node benchmark/restarts.mjs [--restarts 20] [--clients 16] [--node NODE]')
    return
  }
  const options = { restarts: Number(values.restarts), clients: Number(values.clients), node: values.node }
  console.log('| proxy | service | restarts | requests | failed | |\n|---|---|---:|---:|---:|---|')
  for (const drill of CASES) {
    if (spawnSync(drill.proxy, ['-v']).error) {
      console.error(`${drill.proxy} is not installed: left out`)
      continue
    }
    for (const drains of [true, false]) {
      const { sent, failed, reasons } = await run({ ...drill, ...options, drains })
      const what = [...reasons].map(([reason, count]) => `${reason} ${count}`).join(', ')
      const service = drains ? 'ferrohttp, drained' : 'node:http'
      console.log(`| ${drill.title} | ${service} | ${options.restarts} | ${sent} | ${failed} | ${what} |`)
      if (drains && failed > 0) process.exitCode = 1
    }
  }
}

async function run({ proxy, retries, leaves, drains, restarts, clients, node }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-restarts-'))
  const [port, ...ports] = await freePorts(3)
  const services = { a: ports[0], b: ports[1] }
  const processes = {}
  for (const [name, at] of Object.entries(services)) processes[name] = await start(node, at, drains)
  const front = await PROXIES[proxy]({ folder, port, services, retries })
  const clientsOf = load(port, clients)
  try {
    for (let i = 0; i < restarts; i++) {
      const name = i % 2 === 0 ? 'a' : 'b'
      if (leaves) await front.leave(name)
      processes[name].kill('SIGTERM')
      await once(processes[name], 'exit')
      processes[name] = await start(node, services[name], drains)
      if (leaves) await front.enter(name)
      // The proxy has noticed that the service runs again.
      await sleep(700)
    }
    return await clientsOf.stop()
  } finally {
    await clientsOf.stop()
    await front.stop()
    for (const service of Object.values(processes)) service.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function start(node, port, drains) {
  const service = fork(SERVICE, [String(port)], {
    execPath: node,
    execArgv: drains ? ['--require', REGISTER] : [],
    env: { ...process.env, ...(drains && DRAINS) },
  })
  await once(service, 'message')
  return service
}

async function freePorts(count) {
  const servers = []
  for (let i = 0; i < count; i++) {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
  }
  return servers.map((server) => {
    const { port } = server.address()
    server.close()
    return port
  })
}

await main()
