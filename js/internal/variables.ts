/**
 * The environment variables of ferrohttp; `docs/CLI.md` lists them. A value that makes no sense is an error: a setting that is
 * silently ignored is found out in production.
 */
import { ERR_FERROHTTP_INVALID_VARIABLE } from './installation-errors.js'

/** All of them. */
export const VARIABLES = [
  'FERROHTTP',
  'FERROHTTP_ADDON',
  'FERROHTTP_DRAIN',
  'FERROHTTP_DRAIN_DELAY',
  'FERROHTTP_IO_THREADS',
]

/** As in `crates/net/src/io_thread.rs`. */
const MAX_IO_THREADS = 64

const MODES = ['on', 'off', 'require'] as const
/** What `ferrohttp/register` does: `on` leaves Node's http in place where the addon cannot be loaded, `require` throws. */
export type Mode = (typeof MODES)[number]

/** Of the variable FERROHTTP. */
export function mode(): Mode {
  const value = variable('FERROHTTP')
  if (value === undefined) return 'on'
  if (!MODES.includes(value as Mode))
    throw ERR_FERROHTTP_INVALID_VARIABLE('FERROHTTP', `one of ${MODES.join(', ')}`, value)
  return value as Mode
}

/** Path of an addon to load instead of the installed one, of FERROHTTP_ADDON. */
export function addonPath(): string | undefined {
  const value = variable('FERROHTTP_ADDON')
  if (value !== undefined && !value.endsWith('.node'))
    throw ERR_FERROHTTP_INVALID_VARIABLE('FERROHTTP_ADDON', 'the path of a .node file', value)
  return value
}

/** How many I/O threads FERROHTTP_IO_THREADS asks for. */
export function ioThreads(): number | undefined {
  const value = variable('FERROHTTP_IO_THREADS')
  if (value === undefined) return undefined
  const count = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN
  if (!(count >= 1 && count <= MAX_IO_THREADS))
    throw ERR_FERROHTTP_INVALID_VARIABLE('FERROHTTP_IO_THREADS', `a whole number from 1 to ${MAX_IO_THREADS}`, value)
  return count
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 }

/** What SIGTERM does to servers: the times of FERROHTTP_DRAIN and FERROHTTP_DRAIN_DELAY. Undefined without the first. */
export function drainOptions(): { timeout: number; delay: number } | undefined {
  const timeout = duration('FERROHTTP_DRAIN')
  const delay = duration('FERROHTTP_DRAIN_DELAY') ?? 0
  return timeout === undefined ? undefined : { timeout, delay }
}

function duration(name: string): number | undefined {
  const value = variable(name)
  if (value === undefined) return undefined
  const [, count, unit] = /^([0-9]{1,6})(ms|s|m)$/.exec(value) ?? []
  if (unit === undefined) throw ERR_FERROHTTP_INVALID_VARIABLE(name, 'a time such as 500ms, 30s or 2m', value)
  return Number(count) * UNITS[unit]!
}

/** An empty variable is one that is not set. */
function variable(name: string): string | undefined {
  return process.env[name] || undefined
}
