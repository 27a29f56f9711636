/**
 * Several programs' callbacks in one loop: what one of them throws becomes an uncaught exception of its own and keeps
 * nobody else from being told.
 */

import { setImmediate } from './timers.js'

/** Calls `tell(item)` for each item of `items`. */
export function forEachIsolated<T>(items: readonly T[], tell: (item: T) => void): void {
  for (let i = 0; i < items.length; i++) {
    try {
      tell(items[i]!)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }
}

function rethrow(error: unknown): never {
  throw error
}

/** Runs `callback` in a turn of its own, and in nobody's domain: not in that of whoever has thrown, above all. */
export function continueLater(callback: () => void): void {
  const holder = process as { domain?: unknown }
  const { domain } = holder
  if (domain) holder.domain = null
  setImmediate(callback)
  if (domain) holder.domain = domain
}
