/**
 * Several programs' callbacks in one loop: what one of them throws becomes an uncaught exception of its own and keeps
 * nobody else from being told.
 */

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
