/**
 * The socket of a request whose TLS is on an I/O thread: the members of tls.TLSSocket for a client. The I/O thread makes the
 * handshake, and this class decides whether the server is the one that the program wants. No byte of a request is sent before that.
 */
import type { X509Certificate } from 'node:crypto'
import type { EphemeralKeyInfo } from 'node:tls'

import {
  ClientSocket,
  connectionReset,
  kConnection,
  validateString,
  type ConnectTls,
  type SocketResource,
} from '../../core.js'
import type { ClientOptions } from '../client/options.js'
import * as r from '../../native/records.js'
import {
  addSecureMembers,
  applyEarlyFragment,
  emitKeyLog,
  kHandshakeResult,
  parseHandshakeResult,
  type HandshakeResult,
} from './secure-members.js'
import { isStandardCheck, type ClientPlan } from './client-plan.js'
import { sessionFor, type ClientSessions } from './client-sessions.js'
import { failedWrite, tlsError } from './errors.js'
import { Peer } from './peer.js'
import { verifyError } from './verdict.js'

/** The sessions that a connection may resume, and where its own are kept. */
export interface Resumption {
  readonly own: ClientSessions
  readonly from: ClientSessions | null
  /** Stands for `from`. */
  readonly session: Buffer | undefined
}

/** Number of certificates whose names were checked that are remembered. */
const CHECKED = 256

/** The certificates that `tls.checkServerIdentity` has accepted, the last one for each identity. It decides by these two alone. */
const checked = new Map<string, Buffer>()

/** Groups of elliptic curves with their sizes in bits, as OpenSSL has them. */
const GROUP_SIZES: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, X25519: 253 }

/** How a client's connection with TLS is made. */
export interface SecureConnect {
  readonly plan: ClientPlan
  readonly options: ClientOptions
  readonly resumption: Resumption | null
}

export class SecureClientSocket extends ClientSocket {
  readonly encrypted = true
  authorized = false
  authorizationError: string | null = null
  secureConnecting = true
  /** Not documented by Node, and read by programs: whether the handshake is complete. */
  _secureEstablished = false
  /** The protocol chosen by ALPN, false for none; null before the handshake is complete. */
  alpnProtocol: string | false | null = null
  /** The name that was sent to the server, false for none; null before the handshake is complete. */
  servername: string | false | null = null;
  [kHandshakeResult]: HandshakeResult | null = null
  readonly #plan: ClientPlan
  readonly #options: ClientOptions
  readonly #resumption: Resumption | null
  /** Null before the handshake is complete. */
  #peer: Peer | null = null
  #session: Buffer | undefined

  constructor(
    resource: SocketResource,
    maxHeaderSize: number,
    validation: number,
    { plan, options, resumption }: SecureConnect,
  ) {
    super(resource, maxHeaderSize, validation)
    this.#plan = plan
    this.#options = options
    this.#resumption = resumption
  }

  // ---- the handshake -------------------------------------------------------------------------------------------

  override connectTls(): ConnectTls {
    const { client, servername } = this.#plan
    return { client, servername: servername || undefined, sessions: this.#resumption?.own.native }
  }

  override onSecured(details: string, verdict: number, chain: Buffer): void {
    if (this.destroyed) return
    const handshake = parseHandshakeResult(details)
    this[kHandshakeResult] = handshake
    applyEarlyFragment(this)
    this.#peer = new Peer(chain, this.#plan.trust)
    this.alpnProtocol = handshake.alpn || false
    this.servername = this.#plan.servername || false
    this._secureEstablished = true
    if (handshake.isResumed) this.#session = this.#resumption?.session
    this.inScope(() => this.#judge(verdict))
  }

  override onKeyLog(lines: Buffer): void {
    if (!this.destroyed) this.inScope(() => emitKeyLog(this, lines))
  }

  #judge(verdict: number): void {
    const error = this.#verdict(verdict)
    // As in Node the program may have destroyed the socket in its check.
    if (this.destroyed) return
    if (error !== null) {
      this.authorizationError = (error as { code?: string }).code || error.message
      if (this.#plan.rejectUnauthorized) {
        this.destroy(error)
        return
      }
    }
    this.authorized = error === null
    if (this.#resumption !== null && verdict !== r.VERDICT_RESUMED) this.#resumption.own.error = error
    this.secureConnecting = false
    try {
      this.emit('secureConnect')
    } finally {
      this[kConnection].approve()
    }
  }

  /** @returns why the server is not the one that the program wants, null if it is */
  #verdict(verdict: number): Error | null {
    // As in Node a resumed session has the verdict of its first connection.
    const from = this.#resumption?.from
    if (verdict === r.VERDICT_RESUMED && from) return from.error
    const invalid = verifyError(verdict, this.#peer!, this.#plan.trust)
    return invalid ?? this.#identityError()
  }

  #identityError(): Error | null {
    const { identity, checkServerIdentity } = this.#plan
    const peer = this.#peer!
    if (!isStandardCheck(checkServerIdentity)) return checkServerIdentity(identity, peer.described(true)) || null
    if (checked.get(identity)?.equals(peer.chain) === true) return null
    const error = checkServerIdentity(identity, peer.described(false)) || null
    if (error === null) {
      checked.delete(identity)
      checked.set(identity, peer.chain)
      for (const [oldest] of checked) {
        if (checked.size <= CHECKED) break
        checked.delete(oldest)
      }
    }
    return error
  }

  override onSession(): void {
    if (this.destroyed || this.#resumption === null) return
    // The sessions of a resumed connection join those of the first one.
    if (this[kHandshakeResult]?.isResumed !== true) this.#session = sessionFor(this.#resumption.own)
    this.inScope(() => this.emit('session', this.#session))
  }

  /** A Buffer that stands for the session, undefined while there is none that can be resumed. */
  getSession(): Buffer | null | undefined {
    return this.destroyed ? null : this.#session
  }

  override onTlsFailed(reason: number): void {
    if (this.destroyed) return
    if (reason === r.TLS_HANG_UP) {
      this.destroy(this.#disconnected())
      return
    }
    const error = tlsError(reason)
    if (!this._secureEstablished) {
      this.destroy(this[kConnection].hasWaitingWrites ? failedWrite(error) : error)
      return
    }
    this.inScope(() => this.emit('error', error))
    this.destroy()
  }

  /** The server has closed the connection during the handshake. */
  #disconnected(): Error {
    const error = connectionReset('Client network socket disconnected before secure TLS connection was established')
    const { path, host, port, localAddress } = this.#options
    return Object.assign(error, { path, host, port, localAddress })
  }

  // ---- certificates --------------------------------------------------------------------------------------------

  getPeerCertificate(detailed?: boolean): object | null {
    if (this.destroyed) return null
    return this.#peer === null ? {} : this.#peer.described(Boolean(detailed))
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return this.destroyed ? undefined : this.#peer?.certificates[0]
  }

  getCertificate(): object | null {
    if (this.destroyed) return null
    return this.getX509Certificate()?.toLegacyObject() ?? {}
  }

  getX509Certificate(): X509Certificate | undefined {
    return this.destroyed ? undefined : (this.#plan.certificate ?? undefined)
  }

  getEphemeralKeyInfo(): EphemeralKeyInfo | object | null {
    if (this.destroyed) return null
    const name = this[kHandshakeResult]?.group ?? ''
    const size = GROUP_SIZES[name]
    if (size !== undefined) return { type: 'ECDH', name, size }
    return name === '' ? {} : { type: 'TLSGroup', name, size: undefined }
  }

  /** The name has been sent already, or is decided by the options. */
  setServername(name: string): void {
    validateString(name, 'name')
  }
}

addSecureMembers(SecureClientSocket)
