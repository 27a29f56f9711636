/**
 * The timer that checks a server's connections every `connectionsCheckingInterval`. Native connections have their deadlines on
 * I/O threads. The timer checks streams, and is in the same place as that of Node's servers.
 */
import http from 'node:http'

import { nodeSymbol } from '../symbols.js'
import { clearInterval, setInterval } from '../timers.js'

/** The symbol under which Node's servers hold the timer. Programs get it from `_http_server`, which is deprecated. */
const kTimer = timerKey()

type Checked = Record<symbol, NodeJS.Timeout | undefined> & { readonly connectionsCheckingInterval: number }

/** Starts the timer, and stops an earlier one, as Node does with each 'listening'. */
export function startChecking(server: object, check: () => void): void {
  const checked = server as unknown as Checked
  clearInterval(checked[kTimer])
  checked[kTimer] = setInterval(check, checked.connectionsCheckingInterval).unref()
}

export function isChecking(server: object): boolean {
  const timer = (server as unknown as Checked)[kTimer] as { _destroyed?: boolean } | undefined
  return timer !== undefined && timer._destroyed !== true
}

/** Stops the timer and leaves it in its place: programs look at whether it has been destroyed. */
export function stopChecking(server: object): void {
  clearInterval((server as unknown as Checked)[kTimer])
}

/** Only a server that has emitted 'listening' has the timer. */
function timerKey(): symbol {
  const server = new http.Server()
  server.emit('listening')
  const key = nodeSymbol(server, 'http.server.connectionsCheckingInterval')
  clearInterval((server as unknown as Partial<Record<symbol, NodeJS.Timeout>>)[key])
  return key
}
