/**
 * Whether a socket of ours has a part in writing messages. It has none as long as nobody watches: records go to Rust past
 * it. A program that replaces `write()` (a recorder, byte accounting) or corks the socket must see, or hold, everything that
 * is written, as in Node.
 */
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** Taken when the module was loaded. */
const plainWrite = Duplex.prototype.write

/** Somebody has replaced the method of all sockets. */
export function isWriteReplaced(): boolean {
  return Socket.prototype.write !== plainWrite
}

/** Whether what is written to the connection must go through `socket`. */
export function takesPart(socket: Socket): boolean {
  return socket.write !== plainWrite || socket.writableCorked > 0 || bufferedLength(socket) > 0
}

const ownLength = Object.getOwnPropertyDescriptor(Duplex.prototype, 'writableLength')!.get as (this: Duplex) => number

/** What the stream itself says. */
export const ownNeedDrain = Object.getOwnPropertyDescriptor(Duplex.prototype, 'writableNeedDrain')!.get as (
  this: Duplex,
) => boolean

/** Bytes that the stream itself holds: written to it, and not given to the connection. */
export function bufferedLength(socket: Socket): number {
  return ownLength.call(socket)
}

/** The same without the part that the stream has given to the connection and waits for: the connection counts it, too. */
export function unsharedLength(socket: Socket): number {
  const { writing, writelen } = (socket as unknown as { _writableState: { writing: boolean; writelen: number } })
    ._writableState
  return bufferedLength(socket) - (writing ? writelen : 0)
}
