/** Reads the arguments of `http.request`, in all of their forms. */
import type { RequestOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import { urlToHttpOptions } from 'node:url'

import type { Agent } from '../../agent.js'
import type { ResponseListener } from '../../client.js'
import { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_UNESCAPED_CHARACTERS } from '../errors.js'

export type Created = (error: Error | null, socket?: Duplex) => void

/** Options of `http.request` (Node 24), and those that Node's own modules add. */
export interface ClientOptions
  extends Omit<RequestOptions, 'agent' | '_defaultAgent' | 'createConnection' | 'headers' | 'signal'> {
  agent?: Agent | RequestOptions['agent'] | false | null
  _defaultAgent?: Agent | RequestOptions['_defaultAgent']
  _agentKey?: string
  createConnection?:
    | ((options: ClientOptions, callback: Created) => Duplex | null | undefined)
    | RequestOptions['createConnection']
  encoding?: null
  headers?: RequestOptions['headers'] | readonly string[]
  keepAlive?: boolean
  keepAliveInitialDelay?: number
  servername?: string
  signal?: AbortSignal
}

function isUrl(value: unknown): value is URL {
  const url = value as { href?: unknown; protocol?: unknown; auth?: unknown; path?: unknown } | null | undefined
  return Boolean(url?.href && url.protocol && url.auth === undefined && url.path === undefined)
}

/** @returns a copy of the options, and the listener for 'response' */
export function requestOptions(
  input: string | URL | ClientOptions | RequestOptions,
  given?: ClientOptions | ResponseListener,
  callback?: ResponseListener,
): [ClientOptions, ResponseListener | undefined] {
  let base: object | null = null
  let options: unknown = given
  let listener = callback
  if (typeof input === 'string') {
    base = urlToHttpOptions(new URL(input))
  } else if (isUrl(input)) {
    base = urlToHttpOptions(input)
  } else {
    listener = given as ResponseListener | undefined
    options = input
  }
  if (typeof options === 'function') return [{ ...base }, options as ResponseListener]
  return [{ ...base, ...(options as ClientOptions) }, listener]
}

/** Characters that a request target must not have: neither visible ASCII nor latin1. */
const BAD_PATH = /[^\u0021-\u00ff]/

/** @throws ERR_UNESCAPED_CHARACTERS */
export function checkPath(path: string): void {
  if (BAD_PATH.test(path)) throw ERR_UNESCAPED_CHARACTERS('Request path')
}

const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Validates a time in milliseconds, and limits it to what a timer can wait for.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
 */
export function timerDuration(msecs: unknown, name: string): number {
  if (typeof msecs !== 'number') throw ERR_INVALID_ARG_TYPE(name, 'number', msecs)
  if (!(msecs >= 0 && Number.isFinite(msecs))) throw ERR_OUT_OF_RANGE(name, 'a non-negative finite number', msecs)
  if (msecs <= LONGEST_TIMER) return msecs
  process.emitWarning(
    `${msecs} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${LONGEST_TIMER}.`,
    'TimeoutOverflowWarning',
  )
  return LONGEST_TIMER
}
