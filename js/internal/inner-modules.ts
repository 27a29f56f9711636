/**
 * The modules that node:http consists of (`_http_agent` and others). Node does not document them, but mocks and instrumentation
 * require them and replace methods of their classes. Under the register module their classes are ours, too.
 */

/** One of them, undefined where this Node does not have it. Node may warn of the module's use: not of ours. */
export function innerModule(name: string): Record<string, unknown> | undefined {
  // With `--no-deprecation` it is set, and read only.
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
