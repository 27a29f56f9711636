/**
 * `req.socket` of a server whose TLS is on I/O threads: the members of tls.TLSSocket, for a connection that has not asked its client
 * for a certificate. The class does not inherit tls.TLSSocket, which needs a handle of OpenSSL's, but `instanceof` is true.
 */
import type { X509Certificate } from 'node:crypto'
import tls, { type CipherNameAndProtocol } from 'node:tls'

import {
  ConnectionSocket,
  countAsInstances,
  environment,
  ERR_TLS_INVALID_STATE,
  ERR_TLS_SNI_FROM_SERVER,
  kConnection,
  validateInteger,
  validateString,
} from '../../core.js'
import type { Connection } from '../server/connection.js'

/** The standard names of TLS 1.2 suites by OpenSSL's. Suites of TLS 1.3 have the same name in both. */
const STANDARD_NAMES: Readonly<Record<string, string>> = {
  'ECDHE-ECDSA-AES128-GCM-SHA256': 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384': 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305': 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256': 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384': 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305': 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
}

/** The result of the handshake, see `Established` in `crates/net/src/tls/session.rs`. */
interface Agreed {
  readonly protocol: string
  readonly cipher: string
  readonly isResumed: boolean
  readonly alpn: string
  readonly serverName: string
}

export class SecureSocket extends ConnectionSocket {
  readonly encrypted = true
  authorized = false
  authorizationError: string | null = null
  secureConnecting: boolean
  /** Not documented by Node, and read by programs: whether the handshake is complete. */
  readonly _secureEstablished: boolean
  /** The protocol chosen by ALPN, false for none; null where the handshake has failed. */
  alpnProtocol: string | false | null
  /** The name that the client has asked for, false for none; null where the handshake has failed. */
  servername: string | false | null
  readonly #agreed: Agreed | null
  readonly #certificate: X509Certificate | null

  /** @param certificate the server's own */
  constructor(connection: Connection, certificate: X509Certificate | null) {
    super(connection)
    const agreed = parse(connection.tls)
    this.#agreed = agreed
    this.#certificate = certificate
    this.secureConnecting = agreed === null
    this._secureEstablished = agreed !== null
    this.alpnProtocol = agreed === null ? null : agreed.alpn || false
    this.servername = agreed === null ? null : agreed.serverName || false
  }

  /** Null when the socket is destroyed: in Node it has no handle then. */
  get #open(): Agreed | null {
    return this.destroyed ? null : this.#agreed
  }

  getProtocol(): string | null {
    return this.#open?.protocol ?? null
  }

  getCipher(): CipherNameAndProtocol | null {
    const agreed = this.#open
    if (agreed === null) return null
    const { cipher: name, protocol: version } = agreed
    return { name, standardName: STANDARD_NAMES[name] ?? name, version }
  }

  isSessionReused(): boolean | null {
    return this.#open?.isResumed ?? null
  }

  getPeerCertificate(): object | null {
    return this.destroyed ? null : {}
  }

  getPeerX509Certificate(): undefined {}

  getCertificate(): object | null {
    if (this.destroyed) return null
    return this.#certificate?.toLegacyObject() ?? {}
  }

  getX509Certificate(): X509Certificate | undefined {
    return this.destroyed ? undefined : (this.#certificate ?? undefined)
  }

  /** As in Node, always null for a server's socket. */
  getEphemeralKeyInfo(): null {
    return null
  }

  getSharedSigalgs(): string[] | null {
    return this.destroyed ? null : []
  }

  /** The I/O thread does not export sessions and Finished messages. */
  getSession(): undefined {}

  getTLSTicket(): undefined {}

  getFinished(): undefined {}

  getPeerFinished(): undefined {}

  /** @throws ERR_TLS_INVALID_STATE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Buffer {
    validateInteger(length, 'length', 1, 2 ** 32 - 1)
    validateString(label, 'label')
    const { slot, generation } = this[kConnection]
    const asked = { length, label, context: context && Buffer.from(context) }
    const material = this.#open && environment.native.exportKeyingMaterial(slot, generation, asked)
    if (!material) throw ERR_TLS_INVALID_STATE()
    return material
  }

  /** The I/O thread decides the size of records. */
  setMaxSendFragment(): boolean {
    return false
  }

  /** @throws ERR_TLS_SNI_FROM_SERVER */
  setServername(name: string): never {
    validateString(name, 'name')
    throw ERR_TLS_SNI_FROM_SERVER()
  }

  /** Not supported by rustls, nor by TLS 1.3. */
  renegotiate(_options: object, callback?: (error: Error | null) => void): boolean {
    const error = new Error('TLS renegotiation is not supported')
    if (callback !== undefined) process.nextTick(callback, error)
    return false
  }

  disableRenegotiation(): void {}

  enableTrace(): void {}

  setSession(): void {}

  setKeyCert(): void {}
}

// Warnings and programs that read a socket's constructor find Node's.
Object.defineProperty(SecureSocket.prototype, 'constructor', {
  value: tls.TLSSocket,
  writable: true,
  configurable: true,
})
countAsInstances(SecureSocket, tls.TLSSocket)

function parse(details: string | null): Agreed | null {
  if (details === null) return null
  const [protocol, cipher, , resumed, serverName, ...alpn] = details.split('\n') as [string, string, ...string[]]
  return { protocol, cipher, isResumed: resumed === '1', alpn: alpn.join('\n'), serverName: serverName ?? '' }
}
