/**
 * Ends a server without failing a request. Each response says that its connection closes after it, so that peers send their next
 * request elsewhere. Then the server stops accepting, and connections are closed as they become idle.
 */
import { Server as NetServer } from 'node:net'

import type { Server } from '../../server.js'
import type { DrainOptions, DrainResult } from '../../types.js'
import type { Connection } from './connection.js'
import { ListenHandle } from './listen-handle.js'
import { announceDrain } from './settings.js'
import { kHealth, kPrepare } from '../symbols.js'
import { now, setTimeout } from '../timers.js'
import { validateAbortSignal, validateNumber, validateObject } from '../validators.js'

/** Milliseconds between two checks of the connections. */
const CHECK_INTERVAL = 50
const TIMEOUT = 30_000

/**
 * Servers that a signal drains and that the program has not closed meanwhile: 'delayed' while they accept connections, 'closed'
 * afterwards.
 */
const onSignal = new WeakMap<Server, 'delayed' | 'closed'>()

/**
 * Handles `server.close()` of a program that does not know that a signal drains its server. While the server accepts connections,
 * the end of the delay closes it. After that the callback is called without an error, although the server is closed already.
 *
 * @returns whether `close()` has nothing more to do
 */
export function joinDrain(server: Server, callback: unknown): boolean {
  const state = onSignal.get(server)
  if (state === undefined) return false
  const done = typeof callback === 'function' ? () => callback() : undefined
  if (state === 'delayed') {
    if (done !== undefined) server.once('close', done)
    return true
  }
  onSignal.delete(server)
  if (server.listening) return false
  // Emits 'close' once more if that has been emitted.
  NetServer.prototype.close.call(server, done)
  return true
}

/**
 * @param connections returns the connections that the server has now
 * @param isOnSignal whether a signal drains the server, and not the program
 */
export function drain(
  server: Server,
  connections: () => readonly Connection[],
  options: DrainOptions = {},
  isOnSignal = false,
): Promise<DrainResult> {
  validateObject(options, 'options')
  const { delay = 0, timeout = TIMEOUT, signal } = options
  validateNumber(delay, 'options.delay', 0)
  validateNumber(timeout, 'options.timeout', 0)
  if (signal !== undefined) validateAbortSignal(signal, 'options.signal')
  if (isOnSignal && server.listening) onSignal.set(server, 'delayed')
  announceDrain(server)
  announceClose(server, connections())
  return new Promise((resolve) => {
    const began = now()
    let stopped = false
    let closed = false
    let wasEmpty = false
    let handle: ListenHandle | null = null
    const finish = (cut: number): void => {
      handle?.forgetServer()
      // The server may listen again.
      Reflect.deleteProperty(server, kPrepare)
      server[kHealth]?.setDraining(false)
      resolve({ cut })
    }
    const look = (): void => {
      const isCutShort = signal?.aborted === true
      const elapsed = isCutShort ? Number.POSITIVE_INFINITY : now() - began
      if (!stopped && (elapsed >= delay || !server.listening)) {
        stopped = true
        if (server._handle instanceof ListenHandle) {
          handle = server._handle
          handle.serveRest()
        }
        onSignal.delete(server)
        if (server.listening) {
          server.close(() => (closed = true))
          if (isOnSignal) onSignal.set(server, 'closed')
        } else closed = true
      }
      // Connections whose last response had begun before, so that it could not announce the close.
      if (stopped) server.closeIdleConnections()
      const left = connections()
      const isEmpty = closed && left.length === 0
      if (isEmpty && wasEmpty) {
        finish(0)
      } else if (elapsed >= delay + timeout) {
        for (const connection of left) connection.destroy()
        finish(left.length)
      } else {
        // Connections that were accepted just before are reported by the next time.
        wasEmpty = isEmpty
        setTimeout(look, CHECK_INTERVAL)
      }
    }
    look()
  })
}

function announceClose(server: Server, connections: readonly Connection[]): void {
  const prepare = server[kPrepare]
  server[kPrepare] = (response) => prepare.call(server, response, false)
  for (const connection of connections) connection.closeAfterLast()
}
