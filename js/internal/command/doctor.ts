/** `ferrohttp doctor`: reports versions and settings, checks whether ferrohttp works here, and says what to do if not. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_IO_THREADS } from '../../native/records.js'
import { ROOT, VERSION } from '../../root.js'
import { loadAddon } from '../addon/load.js'
import type { LoadError } from '../addon/load-error.js'
import { currentPlatform } from '../addon/platform.js'
import { addonPath, drainOptions, healthVariables, inspectAddress, ioThreads, mode, VARIABLES } from '../variables.js'

interface Problem {
  readonly problem: string
  readonly remedy: string
}

/** Prints the report. The exit code is 1 where there are problems. */
export function doctor(): void {
  const invalid = invalidVariables()
  const problems = [...invalid, ...unknownVariables(), ...copyProblems()]
  const { name, libc } = currentPlatform()
  const quota = cpuQuota()
  line('ferrohttp', `${VERSION} (${ROOT})`)
  line('platform', libc === null ? name : `${name}, ${libc}`)
  line('Node.js', `${process.versions.node} (${process.execPath})`)
  line('CPUs', `${availableParallelism()}${quota === null ? '' : `, quota ${quota}`}`)
  // With invalid variables nothing is loaded.
  if (invalid.length > 0) {
    finish([], problems)
    return
  }
  try {
    line('addon', `${VERSION} (${loadAddon().path})`)
  } catch (error) {
    const { problem, remedy, code } = error as LoadError
    line('addon', `not loaded (${code})`)
    finish([], [...problems, { problem, remedy }])
    return
  }
  line('I/O threads', `${ioThreads() ?? defaultThreads(quota)}, started by the first listen or connect`)
  line('register', registerState())
  exchange((roads) => finish(roads, problems))
}

function finish(roads: readonly string[], problems: readonly Problem[]): void {
  for (const road of roads) line('road', road)
  if (problems.length === 0) process.stdout.write('\nNo problems.\n')
  for (const { problem, remedy } of problems) process.stdout.write(`\nProblem: ${problem}.\n  To do: ${remedy}.\n`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

function line(title: string, text: string): void {
  process.stdout.write(`${title.padEnd(12)} ${text}\n`)
}

function registerState(): string {
  const chosen = mode()
  if (chosen === 'off') return 'off (FERROHTTP=off): programs run on the http of Node'
  const inPlace = process.versions['ferrohttp'] !== undefined
  return inPlace
    ? 'in place, by NODE_OPTIONS or the options of node'
    : 'not in place here; the command puts it in place'
}

/** The number of I/O threads, counted as in `crates/net/src/threads/io_thread.rs`. */
function defaultThreads(quota: number | null): number {
  const cores = Math.min(
    availableParallelism(),
    quota === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(quota)),
  )
  return Math.max(1, Math.min(DEFAULT_IO_THREADS, cores - 1))
}

/** Number of CPUs that the control group may use; null without a limit. */
function cpuQuota(): number | null {
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').trim().split(' ')
    return quota === 'max' ? null : Number(quota) / Number(period)
  } catch {
    return null
  }
}

/** Sends a request to a server of its own, and reports whether both ends are native. */
function exchange(done: (roads: string[]) => void): void {
  const { createServer, get, stats } = require(join(ROOT, 'dist/index.js')) as typeof import('../../index.js')
  const roads: string[] = []
  const server = createServer((_req, res) => res.end())
  const failed = (error: Error) => {
    done([`none: a request to this process failed with ${error.message}`])
    server.close()
  }
  server.on('error', failed)
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number }
    get({ port, host: '127.0.0.1', agent: false }, (res) => {
      res.resume().on('end', () => {
        const { server: served, client } = stats()
        roads.push(`server: ${served.native > 0 ? 'native' : 'compatible'}`)
        roads.push(`client: ${client.native > 0 ? 'native' : 'compatible'}`)
        roads.push('https: native where rustls supports the options')
        server.close(() => done(roads))
      })
    }).on('error', failed)
  })
}

function invalidVariables(): Problem[] {
  const problems: Problem[] = []
  for (const check of [mode, ioThreads, addonPath, drainOptions, healthVariables, inspectAddress]) {
    try {
      check()
    } catch (error) {
      problems.push({ problem: (error as Error).message, remedy: 'correct it, or unset it' })
    }
  }
  return problems
}

/** Names that begin like ours. */
function unknownVariables(): Problem[] {
  return Object.keys(process.env)
    .filter((name) => name.startsWith('FERROHTTP_') && !VARIABLES.includes(name))
    .map((name) => ({
      problem: `the environment variable ${name} is unknown`,
      remedy: `the variables are ${VARIABLES.join(', ')}`,
    }))
}

/** Whether programs in this folder would require another copy. */
function copyProblems(): Problem[] {
  try {
    const found = createRequire(join(process.cwd(), 'here.js')).resolve('ferrohttp/package.json')
    const { version } = JSON.parse(readFileSync(found, 'utf8')) as { version: string }
    if (version === VERSION) return []
    const problem = `programs in this folder require ferrohttp ${version} (${found}), and this command is ${VERSION}`
    return [{ problem, remedy: 'run the one that is installed here: npx ferrohttp' }]
  } catch {
    return []
  }
}
