/** The handling of sockets that an agent keeps. */
import net, { type Socket } from 'node:net'

import type { Agent } from '../../agent.js'
import type { ClientRequest } from '../../client.js'
import type { ClientOptions } from './options.js'
import { keepQuiet, setSendAgain } from './pool-liveness.js'
import { debug } from '../debug.js'
import { kAsyncId } from '../symbols.js'
import { validateString } from '../validators.js'

/** Lists by name, as `getName` makes it. */
export type View<T> = Record<string, T[] | undefined>

/** Removes an item from a list. @returns false if it was not in the list */
export function removeFrom<T>(view: View<T>, name: string, item: T): boolean {
  const list = view[name]
  // It usually is the last one, because the latest connection is used again first.
  const at = list === undefined ? -1 : list.at(-1) === item ? list.length - 1 : list.indexOf(item)
  if (at === -1) return false
  list!.splice(at, 1)
  if (list!.length === 0) delete view[name]
  return true
}

/** No request is affected when an idle connection fails. */
export function onIdleError(this: Socket, error: Error): void {
  debug?.('SOCKET ERROR on FREE socket: %s', error.message)
  this.destroy()
}

/** What a handle calls with bytes that it has read, or at their end, while its socket is idle; and what it called before. */
const kGuard = Symbol('ferrohttp.guard')

interface Guarded {
  readonly _handle?: { onread?: unknown; reading?: boolean; readStart?(): number } | null
  [kGuard]?: { readonly onRead: () => void; readonly before: unknown }
}

/**
 * As Node's agent, which reads the sockets that it keeps: bytes, FIN and errors destroy an idle socket, and it emits nothing but
 * 'close'. Other streams than those of libuv handles emit their events.
 */
export function guardIdle(socket: Socket): void {
  if (keepQuiet(socket) || socket.connecting) return
  const handle = (socket as Guarded)._handle
  if (typeof handle?.onread !== 'function' || typeof handle.readStart !== 'function') return
  const onRead = (): void => {
    socket.destroy()
  }
  ;(socket as Guarded)[kGuard] = { onRead, before: handle.onread }
  handle.onread = onRead
  if (handle.reading) return
  handle.reading = true
  if (handle.readStart() !== 0) socket.destroy()
}

/** The socket is not idle any more. */
export function endGuard(socket: Socket): void {
  const { _handle: handle, [kGuard]: guard } = socket as Guarded
  if (guard === undefined) return
  ;(socket as Guarded)[kGuard] = undefined
  if (handle?.onread === guard.onRead) handle.onread = guard.before
}

/** Replaces the async_hooks resource of a native socket by a new one. */
export const kRenew = Symbol('ferrohttp.renew')

interface Renewable {
  readonly _handle?: { asyncReset?(resource: object): void; getAsyncId(): number } | null
  [kRenew]?(): void
  [kAsyncId]?: number
}

/** As Node does with the handle of a socket that serves another request: its context is that request's from here on. */
export function resetContext(socket: Socket): void {
  const renewable = socket as Renewable
  const handle = renewable._handle
  if (renewable[kRenew] !== undefined) renewable[kRenew]()
  else if (typeof handle?.asyncReset === 'function') {
    handle.asyncReset(new ReusedHandle(handle))
    renewable[kAsyncId] = handle.getAsyncId()
  }
}

class ReusedHandle {
  readonly handle: object

  constructor(handle: object) {
    this.handle = handle
  }
}

/** Attaches the agent's listeners to a socket. */
export function addAgentListeners(agent: Agent, socket: Socket, options: ClientOptions): void {
  const onSocketFree = (): void => {
    debug?.('CLIENT socket onFree')
    agent.emit('free', socket, options)
  }
  const onClose = (): void => {
    debug?.('CLIENT socket onClose')
    agent.totalSocketCount--
    agent.removeSocket(socket, options)
  }
  const onTimeout = (): void => {
    debug?.('CLIENT socket onTimeout')
    for (const list of Object.values(agent.freeSockets)) {
      if (list!.includes(socket)) {
        socket.destroy()
        return
      }
    }
  }
  const onRemove = (): void => {
    debug?.('CLIENT socket onRemove')
    agent.totalSocketCount--
    agent.removeSocket(socket, options)
    socket.removeListener('close', onClose)
    socket.removeListener('free', onSocketFree)
    socket.removeListener('timeout', onTimeout)
    socket.removeListener('agentRemove', onRemove)
  }
  socket.on('free', onSocketFree)
  socket.on('close', onClose)
  socket.on('timeout', onTimeout)
  socket.on('agentRemove', onRemove)
  setSendAgain(socket, (request) => agent.addRequest(request, options))
  if (agent.listenerCount('keylog') > 0) passKeylog(agent, socket)
}

const kKeylog = Symbol('ferrohttp.keylog')

/** https agents emit the 'keylog' events of their TLS sockets. */
function passKeylog(agent: Agent, socket: Socket & { [kKeylog]?: boolean }): void {
  if (socket[kKeylog]) return
  socket[kKeylog] = true
  socket.on('keylog', (line: Buffer) => agent.emit('keylog', line, socket))
}

/** The agent's listener for 'newListener' on itself. */
export function onNewListener(this: Agent, event: string): void {
  if (event !== 'keylog') return
  for (const view of [this.sockets, this.freeSockets])
    for (const list of Object.values(view)) for (const socket of list!) passKeylog(this, socket)
}

/** The server name for TLS, which is that of the Host field. */
export function serverName(options: ClientOptions, request: ClientRequest): string {
  const field = request.getHeader('host')
  let name = options.host as string
  if (field) {
    validateString(field, 'options.headers.host')
    if (field.startsWith('[')) {
      const end = field.indexOf(']')
      name = end === -1 ? field : field.slice(1, end)
    } else {
      name = field.split(':', 1)[0]!
    }
  }
  // An IP address is not allowed as a server name (RFC 6066 section 3).
  return net.isIP(name) ? '' : name
}
