/**
 * Several programs' callbacks in one loop: what one of them throws becomes an uncaught exception of its own and keeps
 * nobody else from being told.
 */

import type { AsyncResource } from 'node:async_hooks'

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

/** Calls `tell(...args)` in `scope`. What it throws finds the domain in which it was thrown, which ends with the scope. */
export function tellIn<A extends unknown[]>(scope: AsyncResource, tell: (...args: A) => void, ...args: A): void {
  scope.runInAsyncScope(attempt, undefined, tell, args)
}

function attempt<A extends unknown[]>(tell: (...args: A) => void, args: A): void {
  try {
    tell(...args)
  } catch (error) {
    process.nextTick(rethrow, error)
  }
}

/** Calls `make` in nobody's domain: what it makes has none. */
export function withoutDomain<T>(make: () => T): T {
  const holder = process as { domain?: unknown }
  const { domain } = holder
  if (domain) holder.domain = null
  const made = make()
  if (domain) holder.domain = domain
  return made
}

/** Runs `callback` in a turn of its own, and in nobody's domain: not in that of whoever has thrown, above all. */
export function continueLater(callback: () => void): void {
  withoutDomain(() => setImmediate(callback))
}
