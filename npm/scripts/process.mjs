// Child processes for the scripts beside this file. Plain Node: it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** A reason to stop that needs no stack trace: `code` is the exit code of the process that ends with it. */
export class Stop extends Error {
  constructor(message, code = 1) {
    super(message)
    this.code = code
  }
}

/** Runs a step with this process's stdio. Throws `Stop` with the step's exit code when that is not 0. */
export function run(command, args, environment = {}) {
  const env = { ...process.env, ...environment }
  const { status, signal, error } = spawnSync(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const step = [path.basename(command), ...args].join(' ')
  if (error) throw new Stop(`${step}: ${error.message}`)
  if (status !== 0) throw new Stop(`${step}: ${signal ?? `exit code ${status}`}`, status ?? 1)
}

/** `npm` with these arguments, also where npm is a script that only a shell can start. */
export function npm(args, environment) {
  const cli = process.env.npm_execpath
  if (cli?.endsWith('.js')) return run(process.execPath, [cli, ...args], environment)
  if (process.platform === 'win32') return run('cmd.exe', ['/d', '/c', 'npm', ...args], environment)
  return run('npm', args, environment)
}

/** Whether the program exists and ends with code 0. */
export function answers(command, args) {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'ignore' }).status === 0
}

/** A step that writes no line for this time hangs. The slowest test, which writes a line at its end, takes much less. */
const SILENCE = 5 * 60_000

/**
 * Runs a step and calls `onLine` for each line of both its outputs. Resolves to its exit code, 1 for a signal.
 *
 * The step gets a process group of its own, so that no process that it starts outlives it: this function waits for the end of the
 * outputs, which such a process would keep open. A step without output is stopped, too, after a list of its processes.
 */
export function follow(command, args, onLine, silence = SILENCE) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: GROUPS })
    const stop = () => stopGroup(child)
    const stalled = () => {
      console.error(
        `no output for ${silence / 1000} s: ${path.basename(command)} is stopped. It runs:\n${processes(child)}`,
      )
      stop()
    }
    const watch = setTimeout(stalled, silence)
    for (const output of [child.stdout, child.stderr]) {
      splitLines(output, (line) => {
        watch.refresh()
        onLine(line)
      })
    }
    process.once('exit', stop)
    for (const signal of SIGNALS) process.once(signal, interrupted)
    const ended = () => {
      clearTimeout(watch)
      process.off('exit', stop)
      for (const signal of SIGNALS) process.off(signal, interrupted)
    }
    child.on('exit', stop)
    child.on('error', (error) => {
      ended()
      reject(new Stop(`${command}: ${error.message}`))
    })
    child.on('close', (status) => {
      ended()
      resolve(status ?? 1)
    })
  })
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** Windows has no process groups. */
const GROUPS = process.platform !== 'win32'

/** The terminal's signals reach this process only, because the step has another group. The exit of this process stops the step. */
function interrupted() {
  process.exit(1)
}

function stopGroup(child) {
  if (!GROUPS) return child.kill()
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // All of them have ended.
  }
}

/** The processes of the child's group, one on each line, as `ps` shows them. */
function processes(child) {
  if (!GROUPS) return `process ${child.pid}`
  const { stdout } = spawnSync('ps', ['axww', '-o', 'pgid,pid,ppid,stat,etime,time,args'], { encoding: 'utf8' })
  return (stdout ?? '')
    .split('\n')
    .filter((line, index) => index === 0 || line.trim().startsWith(`${child.pid} `))
    .join('\n')
}

function splitLines(output, onLine) {
  let rest = ''
  output.setEncoding('utf8')
  output.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) onLine(line)
  })
  output.on('end', () => rest !== '' && onLine(rest))
}

/** Runs a script's `main` and turns a `Stop` into one line and its exit code. */
export async function script(main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    console.error(error.message)
    process.exitCode = error.code
  }
}
