/**
 * Calls callbacks of the program one after the other. An error that one of them throws becomes an uncaught exception of its own,
 * and the others are called all the same.
 */

import type { AsyncResource } from 'node:async_hooks'

import { setImmediate } from '../timers.js'

/** Calls `act(item)` for each item of `items`. */
export function forEachIsolated<T>(items: readonly T[], act: (item: T) => void): void {
  for (let i = 0; i < items.length; i++) {
    try {
      act(items[i]!)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }
}

function rethrow(error: unknown): never {
  throw error
}

/** Calls `act(...args)` in `scope`. An error that it throws goes to the domain that was active when it was thrown. */
export function callIn<A extends unknown[]>(scope: AsyncResource, act: (...args: A) => void, ...args: A): void {
  scope.runInAsyncScope(attempt, undefined, act, args)
}

function attempt<A extends unknown[]>(act: (...args: A) => void, args: A): void {
  try {
    act(...args)
  } catch (error) {
    process.nextTick(rethrow, error)
  }
}

/** Calls `make` outside of all domains, so that the emitter that it makes has none. */
export function withoutDomain<T>(make: () => T): T {
  const holder = process as { domain?: unknown }
  const { domain } = holder
  if (domain) holder.domain = null
  const made = make()
  if (domain) holder.domain = domain
  return made
}

/** Runs `callback` in a turn of its own and outside of all domains: above all, not in that of the callback that threw. */
export function continueLater(callback: () => void): void {
  withoutDomain(() => setImmediate(callback))
}
