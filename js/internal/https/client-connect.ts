/** Makes the connections of https agents that I/O threads can have, with their TLS. */
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

import { adoptNatively, connectNatively, secureClients } from '../../core.js'
import type { MakeSocket } from '../client/connect.js'
import type { ClientOptions } from '../client/options.js'
import { planFor } from './client-plan.js'
import { ClientSessions, sessionsOf } from './client-sessions.js'
import { SecureClientSocket, type Resumption } from './client-socket.js'

/**
 * @param uses whether later connections may resume sessions of this one, and whether the program listens for 'keylog'
 * @param through a socket that a proxy has connected with the server, and that is destroyed when its connection is the result's
 * @returns the socket, or the reason why node:tls has to make the connection
 */
export function connectSecurely(
  options: ClientOptions & ConnectionOptions,
  { keepsSessions, logsKeys }: { readonly keepsSessions: boolean; readonly logsKeys: boolean },
  through: Socket | null,
): SecureClientSocket | string {
  const { session } = options
  const from = sessionsOf(session)
  if (session && from === undefined) return 'session'
  const plan = planFor(options, logsKeys)
  if (typeof plan === 'string') return plan
  const earlier = from?.areFor(plan) === true ? from : null
  const resumption: Resumption | null =
    keepsSessions || earlier !== null
      ? { own: new ClientSessions(plan, earlier), from: earlier, session: session as Buffer | undefined }
      : null
  const make: MakeSocket = (resource, maxHeaderSize, validation) =>
    new SecureClientSocket(resource, maxHeaderSize, validation, { plan, options, resumption })
  const made = through === null ? connectNatively(options, make) : adoptNatively(options, through, make)
  const socket = made as SecureClientSocket | null
  if (socket === null) return 'socket options'
  secureClients.native++
  return socket
}
