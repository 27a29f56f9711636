/**
 * Runs a program in this process, as if Node had been started with it and `--require ferrohttp/register`. Starting Node again would
 * take 40 ms on Node 24 and 90 ms on Node 20.
 */
import { runMain, syncBuiltinESMExports } from 'node:module'
import { resolve } from 'node:path'
import threads, { type WorkerOptions } from 'node:worker_threads'

import { REGISTER } from './environment.js'

/** @param program a file, also without its extension, or a folder, as `node` accepts them */
export function runHere(program: string, args: readonly string[]): void {
  // Bun cannot run a program that is named after its start, so its own http is no alternative: the register module throws.
  if (process.versions['bun'] !== undefined) process.env['FERROHTTP'] = 'require'
  process.argv.splice(1, process.argv.length, resolve(program), ...args)
  require(REGISTER)
  preloadInWorkers()
  runMain()
}

/**
 * Worker threads inherit the options of Node's command line, and read NODE_OPTIONS only if they have options of their own. So
 * they get some.
 */
function preloadInWorkers(): void {
  const { Worker } = threads
  const wrapped: typeof Worker = new Proxy(Worker, {
    construct(target, [file, options, ...rest], newTarget) {
      const made = newTarget === wrapped ? target : newTarget
      return Reflect.construct(target, [file, withPreload(options), ...rest], made)
    },
  })
  Object.defineProperty(threads, 'Worker', { value: wrapped, writable: true, enumerable: true, configurable: true })
  syncBuiltinESMExports()
}

/** Node throws for a value that is not an object of options. */
function withPreload(options: WorkerOptions | undefined): WorkerOptions | undefined {
  if (options !== undefined && (typeof options !== 'object' || options === null)) return options
  const { execArgv = [], env } = options ?? {}
  if (!Array.isArray(execArgv)) return options
  const inherits = env === undefined || env === null || typeof env === 'symbol' || env === process.env
  return { ...options, execArgv: inherits ? execArgv : [...execArgv, '--require', REGISTER] }
}
