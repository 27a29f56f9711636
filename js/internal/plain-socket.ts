/**
 * A native socket becomes an ordinary net.Socket with a libuv handle, because the program passes it on: to another process,
 * or as a child's stdio. The I/O thread gives up the descriptor; what it has read already comes through the same socket.
 */
import fs from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'

import type { Connection } from './connection.js'
import { environment } from './environment.js'
import { ERR_INVALID_HANDLE_TYPE, systemError } from './errors.js'
import type { NativeClient } from './native-client.js'
import { giveUpConnection } from './native.js'
import { kAsyncId } from './symbols.js'
import { kConnection, NativeSocket } from '../native-socket.js'

/** A stream's handle, as far as it is of interest here. */
interface Handle {
  getAsyncId(): number
  [owner: symbol]: unknown
}

type WithHandle = net.Socket & {
  _readableState: { reading: boolean }
  _handle: Handle | null
  _read(size: number): void
  [kAsyncId]: number
}

export type Passable = NativeSocket<Connection | NativeClient>

export function isNative(value: unknown): value is Passable {
  return value instanceof NativeSocket
}

/**
 * Turns `socket` into a plain one. A socket that has no connection any more stays as it is: Node deals with it as with a
 * destroyed one of its own.
 * @throws ERR_INVALID_HANDLE_TYPE when it is connecting, or carries a request of this program; what the system says otherwise
 */
export function makePlain(socket: Passable): void {
  const connection = socket[kConnection]
  if (socket.destroyed || connection.closed) return
  if (connection.slot === -1 || socket.connecting)
    throw ERR_INVALID_HANDLE_TYPE('the socket has not been connected yet')
  if (!connection.canBeGivenUp) throw ERR_INVALID_HANDLE_TYPE('the socket carries a request of this process')
  environment.flush()
  const { errno, fd, unread } = giveUpConnection(environment.native, connection.slot, connection.generation)
  if (fd === -1) {
    if (errno > 0) throw systemError(getSystemErrorName(-errno), 'dup')
    throw ERR_INVALID_HANDLE_TYPE('the connection is being closed, or the system has no descriptors for it')
  }
  const handle = handleOf(fd)
  const read = holdReading(socket as unknown as WithHandle)
  connection.giveUp(() => read(unread))
  adopt(socket, handle)
}

/** A handle of libuv's on the descriptor, made by a stream that is not used any further. */
function handleOf(fd: number): Handle {
  try {
    const carrier = new net.Socket({ fd, readable: false, writable: false, manualStart: true } as {
      fd: number
    }) as WithHandle
    const handle = carrier._handle!
    carrier._handle = null
    return handle
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/** From here on every member is net.Socket's, whose constructor has made the socket. */
function adopt(socket: Passable, handle: Handle): void {
  const { timeout } = socket
  const plain = Object.setPrototypeOf(socket, net.Socket.prototype) as WithHandle
  for (const symbol of Object.getOwnPropertySymbols(handle)) {
    if (symbol.description === 'owner_symbol') handle[symbol] = plain
  }
  plain._handle = handle
  plain[kAsyncId] = handle.getAsyncId()
  if (timeout) plain.setTimeout(timeout)
}

/** A child reads it: Node marks the stream, and has stopped reading. */
function isStdio(stream: object): boolean {
  return Object.getOwnPropertySymbols(stream).some((symbol) => symbol.description === 'kIsUsedAsStdio')
}

/**
 * Nothing is read before all that the I/O thread has read is in the stream.
 * @returns called then, with the rest
 */
function holdReading(plain: WithHandle): (unread: Uint8Array | undefined) => void {
  // The stream may be waiting for what it has asked the connection for.
  let wanted = plain._readableState.reading
  Object.defineProperty(plain, '_read', {
    value: () => {
      wanted = true
    },
    configurable: true,
  })
  return (unread) => {
    delete (plain as { _read?: unknown })._read
    if (plain.destroyed) return
    const full = unread !== undefined && !plain.push(unread)
    // It may have been passed on meanwhile.
    if (wanted && !full && plain._handle !== null && !isStdio(plain)) plain._read(0)
  }
}
