/**
 * `node -r ferrohttp/register app.js`: replaces the members of the builtin modules `http` and `https`, so that an unchanged program
 * runs on ferrohttp. If the addon cannot be loaded, the program runs on Node's own http, unless FERROHTTP says otherwise.
 */
import { loadAddon } from './internal/addon/load.js'
import type { LoadError } from './internal/addon/load-error.js'
import { putInPlace } from './internal/register/in-place.js'
// Keep functions of Node that programs may replace before the rest of ferrohttp is loaded.
import './internal/node-parity/originals.js'
import './internal/socket/plain-write.js'
import './internal/timers.js'
import { forwardToWorkers } from './internal/server/drain-on-signal.js'
import { ioThreads, mode } from './internal/variables.js'

const chosen = mode()
const load = (): void => require('./index.js')
ioThreads()
if (chosen !== 'off' && loads()) {
  putInPlace(load, () => require('./https.js'))
  forwardToWorkers()
}

/** Whether the addon could be loaded. The rest of ferrohttp is loaded when the program uses node:http. */
function loads(): boolean {
  try {
    loadAddon()
    return true
  } catch (error) {
    if (chosen === 'require' || (error as Partial<LoadError>).remedy === undefined) throw error
    const { isMainThread } = require('node:worker_threads') as typeof import('node:worker_threads')
    if (isMainThread) warn(error as LoadError)
    return false
  }
}

/** Prints one line, because a warning of Node's has two. Prints nothing under `--no-warnings`. */
function warn({ code, problem, remedy }: LoadError): void {
  if (process.listenerCount('warning') === 0) return
  process.stderr.write(
    `[${code}] ferrohttp is not in use, the program runs on Node's own http: ${problem}. To do: ${remedy}.\n`,
  )
}
