/**
 * The environment variables of ferrohttp, which `docs/CLI.md` lists. An invalid value is an error, because a setting that is
 * ignored silently is noticed in production only.
 */
import { isIP } from 'node:net'

import { MAX_IO_THREADS } from '../native/records.js'
import type { HealthOptions } from '../types.js'
import { ERR_FERROHTTP_INVALID_VARIABLE } from './installation-errors.js'

/** All of them. */
export const VARIABLES = [
  'FERROHTTP',
  'FERROHTTP_ADDON',
  'FERROHTTP_DRAIN',
  'FERROHTTP_DRAIN_DELAY',
  'FERROHTTP_HEALTH',
  'FERROHTTP_HEALTH_MAX_DELAY',
  'FERROHTTP_HEALTH_READY',
  'FERROHTTP_INSPECT',
  'FERROHTTP_IO_THREADS',
]

const MODES = ['on', 'off', 'require'] as const
/** Modes of `ferrohttp/register`. When the addon cannot be loaded, `on` leaves Node's http in place, and `require` throws. */
type Mode = (typeof MODES)[number]

/** The value of FERROHTTP. */
export function mode(): Mode {
  const value = variable('FERROHTTP')
  if (value === undefined) return 'on'
  if (!MODES.includes(value as Mode)) throw invalid('FERROHTTP', `one of ${MODES.join(', ')}`)
  return value as Mode
}

/** FERROHTTP_ADDON: path of an addon to load instead of the installed one. */
export function addonPath(): string | undefined {
  const value = variable('FERROHTTP_ADDON')
  if (value !== undefined && !value.endsWith('.node')) throw invalid('FERROHTTP_ADDON', 'the path of a .node file')
  return value
}

/** FERROHTTP_IO_THREADS: the number of I/O threads. */
export function ioThreads(): number | undefined {
  const value = variable('FERROHTTP_IO_THREADS')
  if (value === undefined) return undefined
  const count = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN
  if (!(count >= 1 && count <= MAX_IO_THREADS))
    throw invalid('FERROHTTP_IO_THREADS', `a whole number from 1 to ${MAX_IO_THREADS}`)
  return count
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 }

/** FERROHTTP_DRAIN and FERROHTTP_DRAIN_DELAY: the times for draining servers on SIGTERM. Undefined without the first. */
export function drainOptions(): { timeout: number; delay: number } | undefined {
  const timeout = duration('FERROHTTP_DRAIN')
  const delay = duration('FERROHTTP_DRAIN_DELAY')
  if (timeout !== undefined) return { timeout, delay: delay ?? 0 }
  if (delay !== undefined) throw invalid('FERROHTTP_DRAIN_DELAY', 'beside FERROHTTP_DRAIN')
  return undefined
}

/** FERROHTTP_HEALTH and others: the probes of servers that have no option for it. Undefined without a path. */
export function healthVariables(): HealthOptions | undefined {
  const path = pathOf('FERROHTTP_HEALTH')
  const readyPath = pathOf('FERROHTTP_HEALTH_READY')
  const maxDelay = duration('FERROHTTP_HEALTH_MAX_DELAY')
  if (maxDelay === 0) throw invalid('FERROHTTP_HEALTH_MAX_DELAY', 'more than 0')
  if (path !== undefined && path === readyPath)
    throw invalid('FERROHTTP_HEALTH_READY', 'another path than FERROHTTP_HEALTH')
  if (path !== undefined || readyPath !== undefined) return { path, readyPath, maxDelay }
  if (maxDelay !== undefined)
    throw invalid('FERROHTTP_HEALTH_MAX_DELAY', 'beside FERROHTTP_HEALTH or FERROHTTP_HEALTH_READY')
  return undefined
}

/** FERROHTTP_INSPECT: where the live page is served. Addresses that others can reach have to be given in full. */
export function inspectAddress(): { host: string; port: number } | undefined {
  const value = variable('FERROHTTP_INSPECT')
  if (value === undefined) return undefined
  const [, bracketed, plain, port] = /^(?:(?:\[([0-9a-fA-F:]+)\]|([0-9.]+)):)?([0-9]{1,5})$/.exec(value) ?? []
  const host = bracketed ?? plain ?? '127.0.0.1'
  // Port 0 is refused: the system would choose a port, and nothing reports which one the live page then has.
  if (!(Number(port) >= 1 && Number(port) <= 65_535) || isIP(host) === 0)
    throw invalid('FERROHTTP_INSPECT', 'a port, or an IP address and a port such as 127.0.0.1:9230')
  return { host, port: Number(port) }
}

function pathOf(name: string): string | undefined {
  const value = variable(name)
  if (value !== undefined && !isPath(value)) throw invalid(name, 'a path without a query, such as /livez')
  return value
}

/** Whether `text` is a path as it is in a request's target, without a query. */
export function isPath(text: string): boolean {
  return /^\/[!-"$->@-~]*$/.test(text)
}

function duration(name: string): number | undefined {
  const value = variable(name)
  if (value === undefined) return undefined
  const [, count, unit] = /^([0-9]{1,6})(ms|s|m)$/.exec(value) ?? []
  if (unit === undefined) throw invalid(name, 'a time such as 500ms, 30s or 2m')
  return Number(count) * UNITS[unit]!
}

/** The error for the value that the variable has now. `expected` completes "must be". */
function invalid(name: string, expected: string): Error {
  return ERR_FERROHTTP_INVALID_VARIABLE(name, expected, variable(name)!)
}

/** An empty variable counts as not set. */
function variable(name: string): string | undefined {
  return process.env[name] || undefined
}
