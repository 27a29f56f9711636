/**
 * The timer that looks after a server's connections every `connectionsCheckingInterval`. Those of the native road have
 * their deadlines on I/O threads; it is there for streams, and it is where Node's servers have theirs.
 */
import http from 'node:http'

import { nodeSymbol } from './symbols.js'
import { clearInterval, setInterval } from './timers.js'

/** The member of Node's servers that holds the timer; programs get it from `_http_server`, whose use Node warns of. */
const kTimer = timerKey()

type Checked = Record<symbol, NodeJS.Timeout | undefined> & { readonly connectionsCheckingInterval: number }

/** Runs `check` from now on; in place of what ran before, as with each of Node's 'listening'. */
export function startChecking(server: object, check: () => void): void {
  const checked = server as unknown as Checked
  clearInterval(checked[kTimer])
  checked[kTimer] = setInterval(check, checked.connectionsCheckingInterval).unref()
}

export function isChecking(server: object): boolean {
  const timer = (server as unknown as Checked)[kTimer] as { _destroyed?: boolean } | undefined
  return timer !== undefined && timer._destroyed !== true
}

/** The timer stays where it is, for whoever asks whether it has stopped. */
export function stopChecking(server: object): void {
  clearInterval((server as unknown as Checked)[kTimer])
}

/** A server that has told of 'listening' shows it. */
function timerKey(): symbol {
  const server = new http.Server()
  server.emit('listening')
  const key = nodeSymbol(server, 'http.server.connectionsCheckingInterval')
  clearInterval((server as unknown as Partial<Record<symbol, NodeJS.Timeout>>)[key])
  return key
}
