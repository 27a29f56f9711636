// The cost of a process that does nothing: its time from spawn to exit, and its largest memory.
import { spawnSync } from 'node:child_process'
import { onMeasuredCore } from './pinning.mjs'

/**
 * @param {import('./implementations.mjs').Implementation} implementation
 * @returns {{ milliseconds: number, rss: number }}
 */
export function measureStart({ start, env }) {
  const before = performance.now()
  run([...start, '-e', '0'], env)
  const milliseconds = performance.now() - before
  const kib = Number(run([...start, '-p', 'process.resourceUsage().maxRSS'], env))
  return { milliseconds, rss: kib * 1024 }
}

function run(command, env) {
  const [file, ...args] = onMeasuredCore(command)
  const { status, stdout, stderr } = spawnSync(file, args, { env: { ...process.env, ...env }, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}
