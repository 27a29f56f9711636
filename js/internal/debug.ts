/** Lines of `NODE_DEBUG=http`, at the points where Node prints some. */
import { debuglog } from 'node:util'

const log = debuglog('http')

/** Null unless NODE_DEBUG names http: `debug?.()` costs nothing then. */
export const debug: ((message: string, ...values: unknown[]) => void) | null = log.enabled ? log : null
