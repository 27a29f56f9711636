/**
 * The change of a server from TLS on I/O threads to node:tls, when the program asks a listening server for something that only
 * OpenSSL supports. Node accepts from then on. Open connections, and handshakes that have begun, stay on the I/O threads.
 */
import net, { type Socket } from 'node:net'

import { environment, ListenHandle } from '../../core.js'
import type { SecureServer } from './server.js'

/** Members of net.Server that its types do not declare. */
interface Acceptor {
  _connections: number
  _handle: unknown
  _listen2(address: null, port: number | null, addressType: number | null, backlog: number, fd?: number): void
}

const BACKLOG = 511

/** @returns whether the server had its TLS on I/O threads */
export function leaveNativeRoad(server: SecureServer): boolean {
  const handle: unknown = server._handle
  if (!(handle instanceof ListenHandle) || !handle.isOurs) return false
  const { allowHalfOpen } = server as SecureServer & { allowHalfOpen: boolean }
  // A second net.Server accepts, because this one has emitted 'listening' already.
  const acceptor = net.createServer({ allowHalfOpen, noDelay: true })
  const inner = acceptor as unknown as Acceptor
  acceptor.on('connection', (socket) => take(server, inner, socket))
  environment.outliving.add(handle.id)
  server.once('close', () => handle.forgetServer())
  const given = handle.giveUp()
  if ('fd' in given) {
    inner._listen2(null, null, null, BACKLOG, given.fd)
  } else {
    inner._handle = given
    inner._listen2(null, -1, -1, BACKLOG)
  }
  if (!handle.hasRef()) acceptor.unref()
  ;(server as { _handle: unknown })._handle = inner._handle
  return true
}

/** Counts an accepted socket as one of `server`, and passes it to the listener of tls.Server. */
function take(server: SecureServer, inner: Acceptor, socket: Socket): void {
  const { maxConnections } = server
  inner._connections--
  if (maxConnections !== undefined && maxConnections !== null && server._connections >= maxConnections) {
    const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = socket
    ;(socket as { _server?: unknown })._server = null
    socket.destroy()
    server.emit('drop', { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } as never)
    return
  }
  server._connections++
  acceptByNode(server, socket)
}

/** Passes a socket that counts as one of `server` to the listener of tls.Server. */
export function acceptByNode(server: SecureServer, socket: Socket): void {
  // A TLS socket takes `allowHalfOpen` from the socket that it wraps.
  const { allowHalfOpen } = server as SecureServer & { allowHalfOpen: boolean }
  Object.assign(socket, { server, _server: server, allowHalfOpen })
  server.emit('connection', socket)
}
