/** The one error for an addon that cannot be loaded. */
import type { NodeError } from '../coded-error.js'

export interface Failure {
  /** The problem. It ends the sentence "ferrohttp cannot be loaded: …". */
  readonly problem: string
  /** The advice for the user. */
  readonly remedy: string
  /** Each attempt and its outcome, in order. */
  readonly tried?: readonly string[]
  /** The error of Node.js or of the system below this one. */
  readonly cause?: unknown
}

export type LoadError = NodeError & Required<Failure>

/** The message contains everything, because most logs keep nothing else of an error. */
export function loadError(make: (message: string) => NodeError, failure: Failure): LoadError {
  const { problem, remedy, tried = [], cause } = failure
  const lines = [`ferrohttp cannot be loaded: ${problem}.`]
  if (tried.length > 0) lines.push('Tried:', ...tried.map((attempt) => `  ${attempt}`))
  lines.push(`To do: ${remedy}.`)
  const error = make(lines.join('\n')) as LoadError
  const hidden = { problem, remedy, tried: [...tried] }
  for (const [name, value] of Object.entries(hidden))
    Object.defineProperty(error, name, { value, configurable: true, writable: true })
  if (cause !== undefined) Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true })
  return error
}
