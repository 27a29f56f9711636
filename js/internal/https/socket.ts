/**
 * `req.socket` of a server whose TLS is on I/O threads: the members of tls.TLSSocket. The class does not inherit tls.TLSSocket, which
 * needs a handle of OpenSSL's, but `instanceof` is true.
 */
import type { X509Certificate } from 'node:crypto'

import { ConnectionSocket, ERR_TLS_SNI_FROM_SERVER, validateString } from '../../core.js'
import type { Connection } from '../server/connection.js'
import { addSecureMembers, kAgreed, parseAgreed, type Agreed } from './agreed.js'
import { Peer } from './peer.js'
import type { Trust } from './trust.js'
import { verifyError } from './verdict.js'

export class SecureSocket extends ConnectionSocket {
  readonly encrypted = true
  authorized: boolean
  authorizationError: string | null
  secureConnecting: boolean
  /** Not documented by Node, and read by programs: whether the handshake is complete. */
  readonly _secureEstablished: boolean
  /** The protocol chosen by ALPN, false for none; null where the handshake has failed. */
  alpnProtocol: string | false | null
  /** The name that the client has asked for, false for none; null where the handshake has failed. */
  servername: string | false | null
  readonly [kAgreed]: Agreed | null
  readonly #certificate: X509Certificate | null
  /** Null for a client that was not asked for certificates. */
  readonly #peer: Peer | null

  /**
   * @param certificate the server's own
   * @param trust what clients are judged by, null if they are not asked for certificates
   */
  constructor(connection: Connection, certificate: X509Certificate | null, trust: Trust | null) {
    super(connection)
    const { client } = connection
    this.#peer = client === null || trust === null ? null : new Peer(client.chain, trust)
    const error = this.#peer && verifyError(client!.verdict, this.#peer, trust!)
    this.authorized = this.#peer !== null && error === null
    this.authorizationError = (error as { code?: string } | null)?.code ?? null
    const agreed = connection.tls === null ? null : parseAgreed(connection.tls)
    this[kAgreed] = agreed
    this.#certificate = certificate
    this.secureConnecting = agreed === null
    this._secureEstablished = agreed !== null
    this.alpnProtocol = agreed === null ? null : agreed.alpn || false
    this.servername = agreed === null ? null : agreed.serverName || false
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
