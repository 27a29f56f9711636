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

/** True when the program is there and answers. */
export function answers(command, args) {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'ignore' }).status === 0
}

/** Runs a step and calls `onLine` for each line of both its outputs. Resolves to its exit code, 1 for a signal. */
export function follow(command, args, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const output of [child.stdout, child.stderr]) splitLines(output, onLine)
    child.on('error', (error) => reject(new Stop(`${command}: ${error.message}`)))
    child.on('close', (status) => resolve(status ?? 1))
  })
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
