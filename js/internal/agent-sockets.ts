/** What an agent has to do with the sockets it keeps. */
import net, { type Socket } from 'node:net'

import type { Agent } from '../agent.js'
import type { ClientRequest } from '../client.js'
import type { ClientOptions } from './client-options.js'
import { debug } from './debug.js'
import { kAsyncId } from './symbols.js'
import { validateString } from './validators.js'

/** Lists by name, as `getName` makes it. */
export type View<T> = Record<string, T[] | undefined>

/** Takes an item out; false if it was not there. */
export function drop<T>(view: View<T>, name: string, item: T): boolean {
  const list = view[name]
  // The last one, as a rule: connections are used again in that order.
  const at = list === undefined ? -1 : list.at(-1) === item ? list.length - 1 : list.indexOf(item)
  if (at === -1) return false
  list!.splice(at, 1)
  if (list!.length === 0) delete view[name]
  return true
}

/** An idle connection that fails is nobody's concern. */
export function onIdleError(this: Socket, error: Error): void {
  debug?.('SOCKET ERROR on FREE socket: %s', error.message)
  this.destroy()
}

/** Gives a socket of the native road a resource of its own in async_hooks, in place of the one that it had. */
export const kRenew = Symbol('ferrohttp.renew')

interface Renewable {
  readonly _handle?: { asyncReset?(resource: object): void; getAsyncId(): number } | null
  [kRenew]?(): void
  [kAsyncId]?: number
}

/** What Node does with the handle of a socket that serves another request: it belongs to that one's context now. */
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

/** Has the agent hear of what becomes of a socket. */
export function watch(agent: Agent, socket: Socket, options: ClientOptions): void {
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
  if (agent.listenerCount('keylog') > 0) passKeylog(agent, socket)
}

const kKeylog = Symbol('ferrohttp.keylog')

/** TLS sockets tell their keys; https agents pass that on. */
function passKeylog(agent: Agent, socket: Socket & { [kKeylog]?: boolean }): void {
  if (socket[kKeylog]) return
  socket[kKeylog] = true
  socket.on('keylog', (line: Buffer) => agent.emit('keylog', line, socket))
}

/** The agent's listener for new ones of its own. */
export function onNewListener(this: Agent, event: string): void {
  if (event !== 'keylog') return
  for (const view of [this.sockets, this.freeSockets])
    for (const list of Object.values(view)) for (const socket of list!) passKeylog(this, socket)
}

/** The name that a TLS server is asked for: that of the Host field. */
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
  // An address is no name (RFC 6066 section 3).
  return net.isIP(name) ? '' : name
}
