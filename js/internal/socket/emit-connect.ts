/** For sockets that have no libuv handle. */
import type { Socket } from 'node:net'

type Listener = (...args: unknown[]) => void

/**
 * node:tls takes a net.Socket without a handle for one that is connecting, and waits for its 'connect'. Called when such a
 * listener is added to the socket of a tunnel, which is connected already.
 */
export function emitConnect(socket: Socket, listener: Listener): void {
  process.nextTick(() => {
    if (socket.destroyed || !socket.listeners('connect').includes(listener)) return
    socket.removeListener('connect', listener)
    listener.call(socket)
  })
}
