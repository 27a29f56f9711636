/**
 * Turns a native socket into an ordinary net.Socket with a libuv handle, because the program passes it on: to another process, or
 * as a child's stdio. The I/O thread gives up the descriptor. Bytes that it has read go through the same socket object.
 */
import fs from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'

import type { Connection } from '../server/connection.js'
import { environment } from '../bridge/environment.js'
import { ERR_INVALID_HANDLE_TYPE, systemError } from '../errors.js'
import type { NativeClient } from '../client/native-client.js'
import { giveUpConnection } from '../bridge/native.js'
import { kAsyncId } from '../symbols.js'
import { kConnection, NativeSocket } from '../socket/native-socket.js'

/** The members of a stream's handle that are used here. */
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

type Passable = NativeSocket<Connection | NativeClient>

export function isNative(value: unknown): value is Passable {
  return value instanceof NativeSocket
}

/**
 * Turns `socket` into a plain one. A socket without a connection is not changed: Node handles it as a destroyed one.
 * @throws ERR_INVALID_HANDLE_TYPE when it is connecting, or has a request of this program; errors of the system
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

/** A libuv handle for the descriptor, made by a stream that is not used otherwise. */
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

/** Makes every member that of net.Socket, whose constructor has made the socket. */
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

/** A child process reads the socket: Node marks the stream, and has stopped reading. */
function isStdio(stream: object): boolean {
  return Object.getOwnPropertySymbols(stream).some((symbol) => symbol.description === 'kIsUsedAsStdio')
}

/**
 * Delays reading until all bytes that the I/O thread has read are in the stream.
 * @returns a function to call then, with the rest of the bytes
 */
function holdReading(plain: WithHandle): (unread: Uint8Array | undefined) => void {
  // The stream may be waiting for bytes from the connection.
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
    // The socket may have been passed on in the meantime.
    if (wanted && !full && plain._handle !== null && !isStdio(plain)) plain._read(0)
  }
}
