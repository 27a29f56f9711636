/**
 * Decides whether an I/O thread can have the TLS of a client's connection, and converts its options. All other connections are made
 * by node:tls, which also reports what is wrong with options.
 */
import { getFips, type X509Certificate } from 'node:crypto'
import tls, { type ConnectionOptions, type PeerCertificate } from 'node:tls'

import { TlsClient, type NativeTlsClient } from '../../core.js'
import type { ClientOptions } from '../client/options.js'
import { identitiesOf } from './identities.js'
import { splitProtocols, VERSIONS } from './options.js'
import { bytesOf } from './pem.js'
import { authoritiesIn, defaultTrust, trustIn, type Trust } from './trust.js'

type Options = ClientOptions & ConnectionOptions

/** The TLS of one connection, for the I/O thread and for the socket. */
export interface ClientPlan extends Credentials {
  /** Sent to the server by SNI; empty for none. */
  readonly servername: string
  /** The name or address that the certificate has to have. */
  readonly identity: string
  readonly rejectUnauthorized: boolean
  checkServerIdentity(identity: string, certificate: PeerCertificate): Error | undefined
}

/** The part of a plan that connections share. */
interface Credentials {
  readonly client: NativeTlsClient
  readonly trust: Trust
  /** The program's own certificate. */
  readonly certificate: X509Certificate | null
}

/** Options that only OpenSSL supports. */
const FOREIGN = [
  ...['allowHalfOpen', 'allowPartialTrustChain', 'certificateCompression', 'clientCertEngine', 'dhparam'],
  ...['enableTrace', 'fd', 'handle', 'minDHSize', 'onread', 'privateKeyEngine'],
  ...['privateKeyIdentifier', 'pskCallback', 'requestOCSP', 'secureContext', 'secureOptions', 'secureProtocol'],
  ...['sessionIdContext', 'sigalgs', 'socket', 'ticketKeys'],
] as const

/** Options that make the credentials. */
const SHARED = [
  ...[
    'ALPNProtocols',
    'ca',
    'cert',
    'ciphers',
    'crl',
    'ecdhCurve',
    'key',
    'maxVersion',
    'minVersion',
    'passphrase',
    'pfx',
  ],
] as const

/** Flags of Node for which only OpenSSL's own connections will do. */
const FLAGS = ['--enable-fips', '--force-fips', '--tls-keylog', '--trace-tls', '--use-openssl-ca'] as const

/** Node accepts `_` for `-` in the names of its options. */
const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').replaceAll('_', '-')
/** Distributions build Node so that it has OpenSSL's certificates instead of its own. */
const { defines } = process.config.target_defaults as { defines?: readonly string[] }
const hasOtherStore = defines?.includes('NODE_OPENSSL_CERT_STORE') && !given.includes('--use-bundled-ca')
const flag = hasOtherStore ? 'NODE_OPENSSL_CERT_STORE' : FLAGS.find((name) => given.includes(name))

/** Names that SNI can have (RFC 6066 section 3): of labels, the last of which is not a number. */
const SERVER_NAME = /^(?=.{1,253}$)(?:[\w-]{1,63}\.)*(?=[^.]*[a-z_])[\w-]{1,63}$/i

const { connect, createSecureContext, checkServerIdentity: standardCheck } = tls
/** Not documented by Node. */
const { convertALPNProtocols } = tls as unknown as {
  convertALPNProtocols(protocols: unknown, into: { ALPNProtocols?: Uint8Array }): void
}
/** A program that replaced one of these before https was loaded has given it another name, or none. */
const areNodes = connect.name === 'connect' && createSecureContext.name === 'createSecureContext'

/** Whether `check` decides by its arguments alone. One that replaced Node's before https was loaded may not. */
export function isStandardCheck(check: unknown): boolean {
  return check === standardCheck && standardCheck.name === 'checkServerIdentity'
}

/**
 * @param logsKeys whether the program listens for 'keylog'
 * @returns the plan, or the reason why an I/O thread cannot have the connection: the name of an option, with details
 */
export function planFor(options: Options, logsKeys: boolean): ClientPlan | string {
  // Programs replace these to make connections of their own, or to add certificates.
  if (!areNodes || tls.connect !== connect || tls.createSecureContext !== createSecureContext) return 'tls: replaced'
  if (flag !== undefined) return flag
  if (getFips() !== 0) return 'crypto: FIPS'
  const foreign = FOREIGN.find((name) => (options as Record<string, unknown>)[name])
  if (foreign !== undefined) return foreign
  // 0 is a value.
  if ((options as { highWaterMark?: number }).highWaterMark !== undefined) return 'highWaterMark'
  const { host, servername = '' } = options
  if (typeof servername !== 'string' || (servername !== '' && !SERVER_NAME.test(servername))) return 'servername'
  const check = 'checkServerIdentity' in options ? options.checkServerIdentity : tls.checkServerIdentity
  if (typeof check !== 'function') return 'checkServerIdentity'
  const shared = credentials(options, logsKeys)
  if (typeof shared === 'string') return shared
  return {
    ...shared,
    servername,
    identity: servername || host || 'localhost',
    rejectUnauthorized: 'rejectUnauthorized' in options ? options.rejectUnauthorized !== false : !allowsUnauthorized(),
    checkServerIdentity: check,
  }
}

let hasWarned = false

/** NODE_TLS_REJECT_UNAUTHORIZED, with Node's warning. */
function allowsUnauthorized(): boolean {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return false
  if (!hasWarned) {
    hasWarned = true
    process.emitWarning(
      "Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS connections and HTTPS requests insecure by " +
        'disabling certificate verification.',
    )
  }
  return true
}

// ---- credentials that connections share ------------------------------------------------------------------------

/** Number of different credentials that are kept. */
const KEPT = 16

interface Kept {
  readonly values: readonly unknown[]
  readonly made: Credentials | string
}

/** The latest credentials, the most recently used first. */
const kept: Kept[] = []

/** @returns the credentials, which are the same object for equal options, or the reason */
function credentials(options: Options, logsKeys: boolean): Credentials | string {
  const values: unknown[] = SHARED.map((name) => options[name])
  // Node's certificates may change while the process runs.
  const trust = options.ca ? null : defaultTrust('servers')
  values.push(trust, logsKeys)
  const at = kept.findIndex((one) => one.values.every((value, index) => isSame(value, values[index])))
  const found: Kept = kept[at] ?? { values: values.map(snapshot), made: makeCredentials(options, trust, logsKeys) }
  if (at !== 0) {
    if (at > 0) kept.splice(at, 1)
    kept.unshift(found)
    kept.length = Math.min(kept.length, KEPT)
  }
  return found.made
}

/** A key, or a value of `pfx`, with a passphrase of its own. */
interface Encrypted {
  readonly pem?: unknown
  readonly buf?: unknown
  readonly passphrase?: unknown
}

function isEncrypted(value: unknown): value is Encrypted {
  return typeof value === 'object' && value !== null && ('pem' in value || 'buf' in value)
}

/** A copy, because programs may change an array, an object or bytes after they have passed them. */
function snapshot(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snapshot)
  if (ArrayBuffer.isView(value)) return Buffer.from(bytesOf(value))
  if (!isEncrypted(value)) return value
  return { pem: snapshot(value.pem), buf: snapshot(value.buf), passphrase: value.passphrase }
}

function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((value, index) => isSame(value, other[index]))
  if (ArrayBuffer.isView(one) && ArrayBuffer.isView(other)) return bytesOf(one).equals(bytesOf(other))
  if (!isEncrypted(one) || !isEncrypted(other) || one.passphrase !== other.passphrase) return false
  return isSame(one.pem, other.pem) && isSame(one.buf, other.buf)
}

function makeCredentials(options: Options, standard: Trust | null, logsKeys: boolean): Credentials | string {
  const { minVersion: min = tls.DEFAULT_MIN_VERSION, maxVersion: max = tls.DEFAULT_MAX_VERSION } = options
  const minVersion = VERSIONS[min]
  const maxVersion = VERSIONS[max]
  if (minVersion === undefined) return `minVersion: ${min}`
  if (maxVersion === undefined) return `maxVersion: ${max}`
  try {
    // OpenSSL checks the MAC, and its error is Node's.
    if (options.pfx) createSecureContext({ pfx: options.pfx, passphrase: options.passphrase })
    const { native: identities, shown, authorities } = identitiesOf(options)
    const ca = options.ca ? authoritiesIn(options.ca) : null
    const trust =
      standard !== null && authorities.length === 0 && !options.crl
        ? standard
        : trustIn({ ca, more: authorities, crl: options.crl }, 'servers')
    const encoded: { ALPNProtocols?: Uint8Array } = {}
    if (options.ALPNProtocols) {
      convertALPNProtocols(options.ALPNProtocols, encoded)
      if (encoded.ALPNProtocols === undefined) return 'ALPNProtocols'
    }
    const client = new TlsClient(
      {
        identities,
        minVersion,
        maxVersion,
        ciphers: options.ciphers || tls.DEFAULT_CIPHERS,
        hasDefaultCiphers: !options.ciphers,
        curves: options.ecdhCurve ?? tls.DEFAULT_ECDH_CURVE,
        alpn: splitProtocols(encoded.ALPNProtocols),
        logsKeys,
      },
      trust.native,
    )
    return { client, trust, certificate: shown }
  } catch (error) {
    return (error as Error).message
  }
}
