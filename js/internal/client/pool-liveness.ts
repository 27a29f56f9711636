/**
 * Whether the connection of a pooled socket is open, as the I/O thread knows it. This thread may not have read the record
 * of its end yet, and a request must not be sent on a closed connection.
 */
import type { Socket } from 'node:net'

import type { ClientRequest } from '../../client.js'
import { kConnection, type NativeSocket } from '../socket/native-socket.js'
import * as r from '../../native/records.js'
import { environment } from '../bridge/environment.js'
import type { NativeClient } from './native-client.js'

/** The slot of a native socket that has no connection yet. No connection has this slot, so the pool treats the socket as closed. */
export const PENDING_SLOT = 0x7fffffff

function connectionOf(socket: Socket): NativeClient | undefined {
  return (socket as Partial<NativeSocket<NativeClient>>)[kConnection]
}

/** @returns POOL_NO_SLOT for a socket that is not native, PENDING_SLOT for one that has no connection yet */
export function slotOf(socket: Socket): number {
  const slot = connectionOf(socket)?.slot
  return slot === undefined ? r.POOL_NO_SLOT : slot === -1 ? PENDING_SLOT : slot
}

/** @returns 0 for a socket without a connection */
export function generationOf(socket: Socket): number {
  return connectionOf(socket)?.generation ?? 0
}

/** Sets the function by which the connection of a native socket has the agent choose another connection for a request. */
export function setSendAgain(socket: Socket, sendAgain: (request: ClientRequest) => void): void {
  const connection = connectionOf(socket)
  if (connection !== undefined) connection.sendAgain = sendAgain
}

/** Until its next request a native socket emits nothing but 'close' at its end. @returns whether it is native */
export function keepQuiet(socket: Socket): boolean {
  const connection = connectionOf(socket)
  if (connection === undefined) return false
  connection.isKept = true
  return true
}

/** Where the I/O thread has closed the connection already, its socket keeps the event loop alive until this thread reads so. */
export function awaitEndIfClosed(socket: Socket): void {
  const connection = connectionOf(socket)
  if (connection === undefined || connection.slot === -1) return
  if (!environment.native.isOpen(connection.slot, connection.generation)) connection.awaitEnd()
}
