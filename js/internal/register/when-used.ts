/** Detects which code reads the members of builtin modules, and when. */

/**
 * Matches Node's own modules that build on those of node:http, as a file name or in a line of a stack. They are loaded when a
 * program requires them, which may be at any time, and keep Node's classes.
 */
const OF_NODE = /\bnode:(?:(https)(?::|$)|internal\/(http2)\/)/

/**
 * Which of Node's modules that keep Node's classes has called `getter`; null for other callers. It takes about 10 µs, and
 * `getter` is read a few times in the life of a process.
 */
export function readByNode(getter: () => unknown): 'https' | 'http2' | null {
  const before = (['stackTraceLimit', 'prepareStackTrace'] as const).map(
    (name) => [name, Object.getOwnPropertyDescriptor(Error, name)] as const,
  )
  const caller: { stack?: NodeJS.CallSite[] | string } = {}
  // Where a program has frozen the class, the stack is text.
  Reflect.set(Error, 'stackTraceLimit', 1)
  Reflect.set(Error, 'prepareStackTrace', (_error: Error, sites: NodeJS.CallSite[]) => sites)
  try {
    Error.captureStackTrace(caller, getter)
    const { stack } = caller
    const place = typeof stack === 'string' ? stack.split('\n')[1] : stack?.[0]?.getFileName()
    const [, https, http2] = OF_NODE.exec(place ?? '') ?? []
    return (https ?? http2 ?? null) as 'https' | 'http2' | null
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(Error, name)
      else Reflect.defineProperty(Error, name, descriptor)
    }
  }
}

/**
 * Calls `use` when a CommonJS module requires the builtin module `name`, once. Tools that look at descriptors before values find
 * plain properties then. A module that imports it reads all members at once, and needs no such help.
 */
export function whenRequired(name: string, use: () => void): void {
  if (required.size === 0) watchRequire()
  required.set(name, use)
}

/** Builtin modules that no program has required yet. */
const required = new Map<string, () => void>()

function watchRequire(): void {
  const loader = require('node:module') as { _load: (this: unknown, request: string, ...rest: unknown[]) => unknown }
  const { _load: original } = loader
  function load(this: unknown, request: string, ...rest: unknown[]): unknown {
    if (required.size > 0 && typeof request === 'string') {
      const name = request.startsWith('node:') ? request.slice(5) : request
      const use = required.get(name)
      if (use !== undefined) {
        required.delete(name)
        // A wrapper that was put around this function since then stays.
        if (required.size === 0 && loader._load === load) loader._load = original
        use()
      }
    }
    return Reflect.apply(original, this, [request, ...rest])
  }
  loader._load = load
}

/** Whether a builtin module has been loaded already. */
export function isLoaded(name: string): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: string[] }
  return moduleLoadList?.includes(`NativeModule ${name}`) !== false
}
