/**
 * Timers and clocks as they were when this module was loaded. Programs that replace the global ones, in tests above all,
 * stop their own time, not that of their connections.
 */
const { setImmediate, setInterval, clearInterval, setTimeout, Date } = globalThis
/** Milliseconds since some moment; only differences mean anything. */
const now = performance.now.bind(performance)

export { clearInterval, Date, now, setImmediate, setInterval, setTimeout }
