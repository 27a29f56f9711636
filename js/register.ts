/**
 * `node -r ferrohttp/register app.js`: puts what ferrohttp has into the builtin `http` module, so that an unchanged
 * program runs on it. Where the addon cannot be loaded, the program runs on Node's http, unless FERROHTTP says otherwise.
 */
import { isMainThread } from 'node:worker_threads'

import type { LoadError } from './internal/addon/load-error.js'
import { ioThreads, mode } from './internal/variables.js'

const required = mode() === 'require'
ioThreads()
if (mode() !== 'off' && loads()) {
  const { putInPlace } = require('./internal/put-in-place.js') as typeof import('./internal/put-in-place.js')
  putInPlace()
}

/** Whether the addon could be loaded. */
function loads(): boolean {
  try {
    require('./internal/native.js')
    return true
  } catch (error) {
    if (required || (error as Partial<LoadError>).remedy === undefined) throw error
    if (isMainThread) warn(error as LoadError)
    return false
  }
}

/** One line, where Node's own warnings would take two. Not printed where Node prints no warnings (`--no-warnings`). */
function warn({ code, problem, remedy }: LoadError): void {
  if (process.listenerCount('warning') === 0) return
  process.stderr.write(
    `[${code}] ferrohttp is not in use, the program runs on Node's own http: ${problem}. To do: ${remedy}.\n`,
  )
}
