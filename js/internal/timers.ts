/**
 * Timers and clocks as they were when this module was loaded. Programs that replace the global ones, mostly tests, stop their own
 * time, and not that of their connections.
 */
const { setImmediate, setInterval, clearInterval, setTimeout, Date } = globalThis
const { hrtime, nextTick } = process

/** Milliseconds of a monotonic clock, for differences. `performance` has the same clock, but takes 1 ms to load. */
function now(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

export { clearInterval, Date, nextTick, now, setImmediate, setInterval, setTimeout }
