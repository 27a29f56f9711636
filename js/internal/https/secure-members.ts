/** The members of tls.TLSSocket that show what the handshake of an I/O thread has agreed on. */
import type { Duplex } from 'node:stream'
import tls, { type CipherNameAndProtocol } from 'node:tls'

import {
  countAsInstances,
  defineMethods,
  environment,
  ERR_INVALID_ARG_TYPE,
  ERR_TLS_INVALID_STATE,
  kConnection,
  validateFunction,
  validateInteger,
  validateObject,
  validateString,
  type HandshakeResult,
} from '../../core.js'

import * as r from '../../native/records.js'
import { tlsError } from './errors.js'
import { bytesOf } from './pem.js'

export { parseHandshakeResult, type HandshakeResult } from '../../core.js'

/** In a socket: the result of its handshake. Null before it is complete. */
export const kHandshakeResult = Symbol('ferrohttp.handshakeResult')

/** A socket whose TLS is on an I/O thread. */
export interface SecureMembers {
  readonly destroyed: boolean
  readonly [kHandshakeResult]: HandshakeResult | null
  readonly [kConnection]: { readonly slot: number; readonly generation: number }
}

/** The standard names of TLS 1.2 suites by OpenSSL's. Suites of TLS 1.3 have the same name in both. */
const STANDARD_NAMES: Readonly<Record<string, string>> = {
  'ECDHE-ECDSA-AES128-GCM-SHA256': 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384': 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305': 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256': 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384': 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305': 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
}

/** The sizes that programs have set before the handshake was complete. */
const early = new WeakMap<SecureMembers, number>()

/** Applies what the program has set before `socket` has its result. */
export function applyEarlyFragment(socket: SecureMembers): void {
  const size = early.get(socket)
  if (size !== undefined) limitFragments(socket, size)
}

function limitFragments(socket: SecureMembers, size: number): void {
  const { slot, generation } = socket[kConnection]
  environment.native.setTlsFragment(slot, generation, size)
}

/** OpenSSL's numbers of the reasons why a connection does not negotiate again. */
const NO_RENEGOTIATION = 339
const WRONG_SSL_VERSION = 266

/** Emits 'keylog' for each line of secrets. */
export function emitKeyLog(socket: Duplex, lines: Buffer): void {
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\n', at) + 1
    socket.emit('keylog', lines.subarray(at, end))
    at = end
  }
}

/** Null when the socket is destroyed: in Node it has no handle then. */
function open(socket: SecureMembers): HandshakeResult | null {
  return socket.destroyed ? null : socket[kHandshakeResult]
}

/** Adds the members that servers' and clients' sockets have in common, and makes warnings and `constructor` show tls.TLSSocket. */
export function addSecureMembers(Class: { readonly prototype: SecureMembers & object }): void {
  defineMethods(Class.prototype, {
    getProtocol(this: SecureMembers): string | null {
      return open(this)?.protocol ?? null
    },

    getCipher(this: SecureMembers): CipherNameAndProtocol | null {
      const handshake = open(this)
      if (handshake === null) return null
      const { cipher: name, protocol: version } = handshake
      return { name, standardName: STANDARD_NAMES[name] ?? name, version }
    },

    isSessionReused(this: SecureMembers): boolean | null {
      return open(this)?.isResumed ?? null
    },

    getSharedSigalgs(this: SecureMembers): string[] | null {
      return this.destroyed ? null : []
    },

    /** The I/O thread does not export tickets and Finished messages. */
    getTLSTicket(): undefined {},

    getFinished(): undefined {},

    getPeerFinished(): undefined {},

    /** @throws ERR_TLS_INVALID_STATE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
    exportKeyingMaterial(this: SecureMembers, length: number, label: string, context?: Uint8Array): Buffer {
      validateInteger(length, 'length', 1, 2 ** 32 - 1)
      validateString(label, 'label')
      if (context !== undefined && !ArrayBuffer.isView(context))
        throw ERR_INVALID_ARG_TYPE('context', ['Buffer', 'TypedArray', 'DataView'], context)
      const { slot, generation } = this[kConnection]
      const asked = { length, label, context: context && bytesOf(context) }
      const material = open(this) && environment.native.exportKeyingMaterial(slot, generation, asked)
      if (!material) throw ERR_TLS_INVALID_STATE()
      return material
    },

    /** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
    setMaxSendFragment(this: SecureMembers, size: number): boolean {
      validateInteger(size, 'size')
      if (this.destroyed || size < r.SMALLEST_FRAGMENT || size > r.LARGEST_FRAGMENT) return false
      if (this[kHandshakeResult] === null) early.set(this, size)
      else limitFragments(this, size)
      return true
    },

    /**
     * Not supported by rustls, nor by TLS 1.3.
     * @throws ERR_INVALID_ARG_TYPE
     */
    renegotiate(this: SecureMembers, options: object, callback?: (error: Error | null) => void): boolean | undefined {
      validateObject(options, 'options')
      if (callback !== undefined) validateFunction(callback, 'callback')
      if (this.destroyed) return undefined
      const error = tlsError(this[kHandshakeResult]?.protocol === 'TLSv1.2' ? NO_RENEGOTIATION : WRONG_SSL_VERSION)
      if (callback !== undefined) process.nextTick(callback, error)
      return false
    },

    disableRenegotiation(): void {},

    enableTrace(): void {},

    setSession(): void {},

    setKeyCert(): void {},
  })
  Object.defineProperty(Class.prototype, 'constructor', { value: tls.TLSSocket, writable: true, configurable: true })
  countAsInstances(Class as never, tls.TLSSocket)
}
