/**
 * Probes of a server's health, which I/O threads answer (`crates/net/src/server/guard.rs`). This module answers those that they leave to
 * JavaScript: on streams, and after an unanswered request of the same connection.
 */
import type { IncomingMessage } from '../../incoming.js'
import type { ServerResponse } from '../../response.js'
import type { HealthOptions } from '../../types.js'
import { counts } from '../counts.js'
import { ERR_INVALID_ARG_VALUE } from '../errors.js'
import type { BindingHealth } from '../bridge/native.js'
import { validateInteger, validateNumber, validateObject, validateString } from '../validators.js'
import { healthVariables, isPath } from '../variables.js'

const MAX_DELAY = 5_000
const UNAVAILABLE = 503

export class Health {
  readonly #live: string | undefined
  readonly #ready: string | undefined
  readonly #maxDelay: number
  readonly #status: number
  #isDraining = false

  constructor({ path, readyPath, maxDelay = MAX_DELAY, status = UNAVAILABLE }: HealthOptions) {
    this.#live = path
    this.#ready = readyPath
    this.#maxDelay = maxDelay
    this.#status = status
  }

  /** @param reasons reason phrases by status code */
  native(reasons: Record<number, string | undefined>): BindingHealth {
    return {
      live: this.#live,
      ready: this.#ready,
      maxDelay: this.#maxDelay,
      failure: `${this.#status} ${reasons[this.#status] ?? ''}`,
    }
  }

  /** @param isDraining whether the server is being drained */
  setDraining(isDraining: boolean): void {
    this.#isDraining = isDraining
  }

  /** Answers a probe. @returns false if the request is not one */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const [path] = request.url!.split('?', 1)
    const isReady = path === this.#ready
    if (!isReady && path !== this.#live) return false
    const fails = isReady && path !== this.#live && this.#isDraining
    // JavaScript is not blocked when it answers.
    const body = `${JSON.stringify({ status: fails ? 'draining' : 'ok', age: 0, queue: 0 })}\n`
    response.writeHead(fails ? this.#status : 200, {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Content-Length': body.length,
    })
    response.end(body)
    counts.probes++
    return true
  }
}

/**
 * The probes of a server: those of its option, or of the environment if it has none.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function healthOf(options: HealthOptions | false | undefined): Health | null {
  const given = options === undefined ? healthVariables() : options
  if (given === undefined || given === false) return null
  validateObject(given, 'options.health')
  const { path, readyPath, maxDelay, status } = given
  validatePath(path, 'options.health.path')
  validatePath(readyPath, 'options.health.readyPath')
  if (path === undefined && readyPath === undefined)
    throw ERR_INVALID_ARG_VALUE('options.health', given, 'must have path or readyPath')
  if (path !== undefined && path === readyPath)
    throw ERR_INVALID_ARG_VALUE('options.health.readyPath', readyPath, 'must be another path than path')
  if (maxDelay !== undefined) validateNumber(maxDelay, 'options.health.maxDelay', 1)
  if (status !== undefined) validateInteger(status, 'options.health.status', 400, 599)
  return new Health(given)
}

function validatePath(path: unknown, name: string): void {
  if (path === undefined) return
  validateString(path, name)
  if (!isPath(path)) throw ERR_INVALID_ARG_VALUE(name, path, 'must be a path without a query, such as /livez')
}
