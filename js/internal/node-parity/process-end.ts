/**
 * Runs functions before the process ends, however the program ends it. An answer that was written must have reached the kernel by
 * then, as in Node, which writes at once.
 */
import { isMainThread } from 'node:worker_threads'

type Ending = (this: unknown, ...args: unknown[]) => unknown
type Internals = Record<'_kill' | 'abort' | 'execve' | 'reallyExit', Ending | undefined>

/**
 * Calls `act` when the process ends: when it emits 'exit', and before `process.reallyExit()`, `process.abort()`,
 * `process.execve()` and a signal that the program sends to itself, none of which emits 'exit'. If the process survives the signal,
 * `act` is called again later.
 */
export function beforeProcessEnds(act: () => void): void {
  process.on('exit', act)
  wrap('reallyExit', act)
  // Worker threads do not have these functions.
  if (!isMainThread) return
  wrap('abort', act)
  wrap('execve', act)
  // 0 and negative numbers mean groups of processes, which may include this one.
  wrap('_kill', act, (pid) => pid === process.pid || Number(pid) <= 0)
}

/** Calls `act` before `process[name]` if `concerns` returns true for its first argument. */
function wrap(name: keyof Internals, act: () => void, concerns = (_first: unknown): boolean => true): void {
  const internals = process as unknown as Internals
  const { [name]: original } = internals
  if (typeof original !== 'function') return
  const wrapper = {
    [name](this: unknown, ...args: unknown[]) {
      if (concerns(args[0])) act()
      return Reflect.apply(original, this, args)
    },
  }[name]!
  Object.defineProperty(wrapper, 'length', { value: original.length, configurable: true })
  internals[name] = wrapper
}
