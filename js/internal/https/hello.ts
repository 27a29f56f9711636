/**
 * Asks the program of a server about a client that has sent its ClientHello: `SNICallback` chooses a context by the name that the client
 * asks for, `ALPNCallback` one of the protocols that it offers. The connection waits on its I/O thread, at most for `handshakeTimeout`.
 */
import net from 'node:net'

import {
  ERR_MULTIPLE_CALLBACK,
  ERR_SOCKET_CLOSED,
  ERR_TLS_ALPN_CALLBACK_INVALID_RESULT,
  environment,
  giveUpConnection,
} from '../../core.js'
import type { ClientHello } from '../../server.js'
import type { Connection } from '../server/connection.js'
import { nativeContext } from './contexts.js'
import type { Secured, TlsMembers } from './options.js'
import { splitProtocols } from './options.js'

/** Calls back with an error, a context, or neither for the server's own. */
export type NameCallback = (
  this: object,
  servername: string,
  callback: (error?: unknown, context?: unknown) => void,
) => void

type ProtocolCallback = (offer: { servername: string | false; protocols: string[] }) => unknown

/** The members of a server that decide about its clients. */
export interface Asked {
  /** Null if the server has no `SNICallback` and no contexts that JavaScript has to choose. */
  readonly names: NameCallback | null
  readonly server: TlsMembers & { readonly ALPNCallback?: unknown }
  /** Returns the TLS of a context, or the reason why only OpenSSL can use it. */
  secure(context: object): Secured | string
  /** Stores the chosen TLS, which the connection's socket shows to programs. */
  choose(secured: Secured): void
  /** Reports that the handshake has failed, and destroys the socket. */
  refuse(error: unknown): void
  /** From now on node:tls accepts the connections. */
  leave(reason: string): void
  /** Passes a client to node:tls. It has sent its hello, which is unread in `socket`, and received nothing. */
  accept(socket: net.Socket): void
}

/** In place of the chosen protocol: refuses the client, because no client offers an empty protocol. */
const NONE = [Buffer.alloc(0)]

/** Calls the program's callbacks in OpenSSL's order: in TLS 1.3 `ALPNCallback` is first, in TLS 1.2 `SNICallback`. */
export function askAbout(connection: Connection, hello: ClientHello, asked: Asked): void {
  if (!hello.isTls13) {
    askForContext(connection, hello, asked, (secured) => {
      const protocols = askForProtocol(connection, hello, asked)
      if (protocols !== null) proceed(connection, asked, secured, protocols)
    })
    return
  }
  const protocols = askForProtocol(connection, hello, asked)
  if (protocols === null) return
  askForContext(connection, hello, asked, (secured) => proceed(connection, asked, secured, protocols))
}

/** Receives the TLS of the chosen context, null for the server's own. */
type Chosen = (secured: Secured | null) => void

function askForContext(connection: Connection, { name }: ClientHello, asked: Asked, done: Chosen): void {
  const { names } = asked
  const { socket } = connection
  if (name === '' || names === null) {
    done(null)
    return
  }
  let isAnswered = false
  const onAnswer = (error?: unknown, given?: unknown): void => {
    if (isAnswered) {
      socket.destroy(ERR_MULTIPLE_CALLBACK())
      return
    }
    isAnswered = true
    if (error) asked.refuse(error)
    else if (socket.destroyed) socket.destroy(ERR_SOCKET_CLOSED())
    else take(connection, asked, given, done)
  }
  try {
    names.call(socket, name, onAnswer)
  } catch (error) {
    asked.refuse(error)
  }
}

function take(connection: Connection, asked: Asked, given: unknown, done: Chosen): void {
  const context = given && ((given as { context?: unknown }).context || given)
  if (!context || (typeof context !== 'object' && typeof context !== 'function')) {
    done(null)
    return
  }
  const native = nativeContext(context)
  if (native === null) {
    asked.refuse(new TypeError('Invalid SNI context'))
    return
  }
  const secured = asked.secure(native)
  if (typeof secured !== 'string') {
    done(secured)
    return
  }
  asked.leave(secured)
  passOn(connection, (socket) => asked.accept(socket))
}

/** @returns the protocols that replace those of the server, undefined for no others, null where the client is refused */
function askForProtocol(connection: Connection, { name, offer }: ClientHello, asked: Asked): Protocols | null {
  const { ALPNCallback } = asked.server
  if (typeof ALPNCallback !== 'function' || offer.length === 0) return undefined
  const { socket } = connection
  try {
    const protocols = chosen(ALPNCallback.bind(socket) as ProtocolCallback, name, splitProtocols(offer))
    return socket.destroyed ? null : protocols
  } catch (error) {
    asked.refuse(error)
    return null
  }
}

type Protocols = Buffer[] | undefined

/** Continues the handshake. */
function proceed(connection: Connection, asked: Asked, secured: Secured | null, protocols: Protocols): void {
  if (secured !== null) asked.choose(secured)
  environment.native.answerHello(connection.slot, connection.generation, secured?.tls, protocols)
}

/** @throws ERR_TLS_ALPN_CALLBACK_INVALID_RESULT */
function chosen(callback: ProtocolCallback, name: string, offered: readonly Buffer[]): Buffer[] {
  const protocols = offered.map((protocol) => protocol.toString('ascii'))
  const result = callback({ servername: name || false, protocols })
  if (result === undefined) return NONE
  const protocol = offered[protocols.indexOf(result as string)]
  if (protocol === undefined) throw ERR_TLS_ALPN_CALLBACK_INVALID_RESULT(result, protocols)
  return [protocol]
}

/**
 * Passes the client to node:tls, which begins the handshake again with the same hello.
 * @param accept receives the socket, in which the hello is unread
 */
export function passOn(connection: Connection, accept: (socket: net.Socket) => void): void {
  environment.flush()
  const { errno, fd, unread } = giveUpConnection(environment.native, connection.slot, connection.generation)
  if (fd === -1) {
    // The client has gone, unless the process has no further descriptor.
    if (errno > 0) connection.socket.destroy()
    return
  }
  connection.giveUp(() => {})
  const socket = new net.Socket({ fd, allowHalfOpen: true, pauseOnCreate: true } as { fd: number })
  if (unread !== undefined) socket.unshift(unread)
  accept(socket)
}
