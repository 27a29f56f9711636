// Sends 1 GiB through the example server in every direction and manner, and measures the server's memory, which grows if
// back-pressure fails. Ends with 1 when a hash differs or the server grew by 64 MiB or more.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { peakResidentBytes, residentBytes } from './http/process-usage.mjs'

const CLIENT = fileURLToPath(new URL('transfer/client.mjs', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../docs/example/server.js', import.meta.url))

const MIB = 1024 * 1024
const GROWTH_LIMIT = 64 * MIB
/** Many small transfers warm the code up. With few large ones, the base would include bytes that pile up without back-pressure. */
const WARM_UP = { bytes: 4 * MIB, times: 64 }
const SAMPLE_MS = 50
const START_MS = 15_000
const STALL_MS = 3000
/** Less than a client sends over loopback, so that all wait for the consumer. */
const SLOW_BYTES_PER_SECOND = 200 * MIB

const CASES = [
  { title: 'upload, Content-Length', direction: 'upload' },
  { title: 'upload, chunked', direction: 'upload', chunked: true },
  { title: 'upload, Content-Length, slow consumer', direction: 'upload', rate: SLOW_BYTES_PER_SECOND },
  { title: 'upload, chunked, slow consumer', direction: 'upload', chunked: true, rate: SLOW_BYTES_PER_SECOND },
  { title: 'download', direction: 'download' },
  { title: `download, the reader stalls for ${STALL_MS / 1000} s`, direction: 'download', stallMs: STALL_MS },
]

async function main() {
  const { values } = parseArgs({
    options: {
      server: { type: 'string', default: EXAMPLE },
      node: { type: 'string', default: process.execPath },
      bytes: { type: 'string', default: String(1024 * MIB) },
    },
  })
  const bytes = Number(values.bytes)
  const server = await start(values.node, values.server)
  try {
    for (const direction of ['upload', 'download']) {
      const { reason } = await run({ direction, port: server.port, ...WARM_UP })
      if (reason !== null) throw new Error(`warm-up ${direction}: ${reason}`)
    }
    await sleep(500)
    const base = residentBytes(server.pid)
    console.log(`${bytes / MIB} MiB a case; RSS after warm-up ${mib(base)} MiB\n`)
    console.log('| case | seconds | MiB/s | SHA-256 | peak RSS MiB | growth MiB | |\n|---|---:|---:|---|---:|---:|---|')
    for (const transfer of CASES) await check({ ...transfer, port: server.port, bytes }, server.pid, base)
  } finally {
    await server.stop()
  }
}

async function check(transfer, pid, base) {
  resetPeak(pid)
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, SAMPLE_MS)
  const started = performance.now()
  const { ok, reason } = await run(transfer)
  const seconds = (performance.now() - started) / 1000
  clearInterval(timer)
  // On kernels that cannot reset the peak, it is that of the whole run, so the samples are used.
  if (peakCanBeReset) peak = peakResidentBytes(pid)
  const growth = peak - base
  const passed = ok && growth < GROWTH_LIMIT
  if (!passed) process.exitCode = 1
  console.log(
    `| ${transfer.title} | ${seconds.toFixed(1)} | ${(transfer.bytes / MIB / seconds).toFixed(0)} | ${ok ? 'right' : reason} | ` +
      `${mib(peak)} | ${mib(growth)} | ${passed ? 'pass' : 'FAIL'} |`,
  )
}

let peakCanBeReset = true

/** Resets the kernel's high-water mark, which includes memory that was used only between two samples. See proc_pid_clear_refs(5). */
function resetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    peakCanBeReset = false
  }
}

async function start(node, script) {
  const child = spawn(node, [script], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([
    once(lines, 'line', { signal: AbortSignal.timeout(START_MS) }),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${script} ended with ${code}`)
    }),
  ])
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { pid: child.pid, port: Number(new URL(line.split(' ').at(-1)).port), stop }
}

async function run(transfer) {
  const child = spawn(process.execPath, [CLIENT, JSON.stringify(transfer)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return code === 0 ? JSON.parse(output) : { ok: false, reason: `the client ended with ${code}` }
}

const mib = (bytes) => (bytes / MIB).toFixed(1)

await main()
