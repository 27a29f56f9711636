/** Lines of `NODE_DEBUG=http`, at the points where Node prints some. */
import { debuglog } from 'node:util'

const log = debuglog('http')

/** Null unless the environment asks for it: a call costs nothing then. */
export const debug: ((message: string, ...values: unknown[]) => void) | null = log.enabled ? log : null
