/**
 * The modules that node:http consists of (`_http_agent` and others). Node does not document them, but mocks and instrumentation
 * require them and replace methods of their classes. Under the register module their classes are ours, too.
 */

/** Returns one of them, undefined where this Node does not have it. Suppresses Node's warning about the use of such a module. */
export function innerModule(name: string): Record<string, unknown> | undefined {
  // Under `--no-deprecation` it is set and read-only.
  if (process.noDeprecation) return get(name)
  process.noDeprecation = true
  try {
    return get(name)
  } finally {
    delete (process as { noDeprecation?: boolean }).noDeprecation
  }
}

function get(name: string): Record<string, unknown> | undefined {
  return process.getBuiltinModule(name) as Record<string, unknown> | undefined
}
