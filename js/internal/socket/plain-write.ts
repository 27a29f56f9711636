/**
 * Decides whether a socket of ours takes part in writing messages. Usually it does not: records go to Rust directly. As in Node, a
 * program that replaces `write()` (a recorder, byte accounting) must see all bytes, and one that corks the socket must hold them.
 */
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** Node's method when this module was loaded. */
const plainWrite = Duplex.prototype.write

/** Read once: `node:net` in a bundle is an object of getters, and this is asked for each response. */
const socketPrototype = Socket.prototype

/** Whether a program has replaced the method of all sockets. */
export function isWriteReplaced(): boolean {
  return socketPrototype.write !== plainWrite
}

/** Whether messages must be written through `socket`. */
export function takesPart(socket: Socket): boolean {
  return socket.write !== plainWrite || socket.writableCorked > 0 || bufferedLength(socket) > 0
}

const ownLength = Object.getOwnPropertyDescriptor(Duplex.prototype, 'writableLength')!.get as (this: Duplex) => number

/** The value that the stream itself returns. */
export const ownNeedDrain = Object.getOwnPropertyDescriptor(Duplex.prototype, 'writableNeedDrain')!.get as (
  this: Duplex,
) => boolean

/** Bytes that the stream itself holds: written to it, and not handed to the connection yet. */
function bufferedLength(socket: Socket): number {
  return ownLength.call(socket)
}

/** As above, without the part that the stream has handed to the connection, which counts it, too. */
export function unsharedLength(socket: Socket): number {
  const { writing, writelen } = (socket as unknown as { _writableState: { writing: boolean; writelen: number } })
    ._writableState
  return bufferedLength(socket) - (writing ? writelen : 0)
}
