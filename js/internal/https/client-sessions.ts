/**
 * The TLS sessions of clients on I/O threads. The sessions themselves stay there. Programs and agents see Buffers that stand for
 * them, which they keep and pass to later connections like those of Node.
 */
import { randomBytes } from 'node:crypto'

import { TlsSessions, type NativeTlsClient, type NativeTlsSessions } from '../../core.js'

/** The facts about the connection that has received the sessions. */
interface Origin {
  readonly client: NativeTlsClient
  readonly identity: string
  readonly servername: string
}

/** The sessions that one connection has received. */
export class ClientSessions {
  readonly native: NativeTlsSessions
  readonly origin: Origin
  /** Why the server is not authorized, although the program has connected to it; null if it is. */
  error: Error | null = null

  /** @param from the sessions of an earlier connection, one of which the new connection may resume */
  constructor(origin: Origin, from: ClientSessions | null) {
    this.native = new TlsSessions(from?.native)
    this.origin = origin
  }

  /** Whether a connection may resume them: a session authenticates one server, verified in one way. */
  areFor({ client, identity, servername }: Origin): boolean {
    const { origin } = this
    return origin.client === client && origin.identity === identity && origin.servername === servername
  }
}

const LENGTH = 32

const bySession = new WeakMap<object, ClientSessions>()

/** A new Buffer that stands for `sessions`, as long as the program keeps it. */
export function sessionFor(sessions: ClientSessions): Buffer {
  const session = randomBytes(LENGTH)
  bySession.set(session, sessions)
  return session
}

/** Undefined for a session of node:tls. */
export function sessionsOf(session: unknown): ClientSessions | undefined {
  return typeof session === 'object' && session !== null ? bySession.get(session) : undefined
}
