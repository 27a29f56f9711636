/**
 * `req.socket` of a server whose TLS is on I/O threads: the members of tls.TLSSocket. The class does not inherit tls.TLSSocket, which
 * needs a handle of OpenSSL's, but `instanceof` is true.
 */
import type { X509Certificate } from 'node:crypto'

import { ConnectionSocket, ERR_TLS_SNI_FROM_SERVER, kConnection, validateString } from '../../core.js'
import type { Connection } from '../server/connection.js'
import {
  addSecureMembers,
  applyEarlyFragment,
  kHandshakeResult,
  parseHandshakeResult,
  type HandshakeResult,
} from './secure-members.js'
import { Peer } from './peer.js'
import type { Secured } from './options.js'
import { verifyError } from './verdict.js'

export class SecureSocket extends ConnectionSocket {
  readonly encrypted = true
  authorized = false
  authorizationError: string | null = null
  secureConnecting = true
  /** Not documented by Node, and read by programs: whether the handshake is complete. */
  _secureEstablished = false
  /** The protocol chosen by ALPN, false for none; null before the handshake is complete. */
  alpnProtocol: string | false | null = null
  /** The name that the client has asked for, false for none; null before the handshake is complete. */
  servername: string | false | null = null;
  [kHandshakeResult]: HandshakeResult | null = null
  #certificate: X509Certificate | null = null
  /** Null for a client that was not asked for certificates. */
  #peer: Peer | null = null

  /** @param secured the TLS of the server or of the context that its program has chosen; null if it is not known any more */
  constructor(connection: Connection, secured: Secured | null) {
    super(connection)
    if (connection.tls !== null) this.onSecured(secured)
  }

  /** The handshake is complete. */
  onSecured(secured: Secured | null): void {
    const { client, tls } = this[kConnection]
    const trust = secured?.trust ?? null
    this.#peer = client === null || trust === null ? null : new Peer(client.chain, trust)
    const error = this.#peer && verifyError(client!.verdict, this.#peer, trust!)
    this.authorized = this.#peer !== null && error === null
    this.authorizationError = (error as { code?: string } | null)?.code ?? null
    const handshake = parseHandshakeResult(tls!)
    this[kHandshakeResult] = handshake
    applyEarlyFragment(this)
    this.#certificate = secured?.shown ?? null
    this.secureConnecting = false
    this._secureEstablished = true
    this.alpnProtocol = handshake.alpn || false
    this.servername = handshake.serverName || false
  }

  getPeerCertificate(detailed?: boolean): object | null {
    if (this.destroyed) return null
    return this.#peer?.described(Boolean(detailed)) ?? {}
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return this.destroyed ? undefined : this.#peer?.certificates[0]
  }

  getCertificate(): object | null {
    if (this.destroyed) return null
    return this.#certificate?.toLegacyObject() ?? {}
  }

  getX509Certificate(): X509Certificate | undefined {
    return this.destroyed ? undefined : (this.#certificate ?? undefined)
  }

  /** The I/O thread does not export sessions. */
  getSession(): undefined {}

  /** As in Node, always null for a server's socket. */
  getEphemeralKeyInfo(): null {
    return null
  }

  /** @throws ERR_TLS_SNI_FROM_SERVER */
  setServername(name: string): never {
    validateString(name, 'name')
    throw ERR_TLS_SNI_FROM_SERVER()
  }
}

addSecureMembers(SecureSocket)
