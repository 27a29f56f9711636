/**
 * Converts the options that tls.Server keeps for an I/O thread. Which options an I/O thread supports is decided here and in
 * `crates/net/src/tls`.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import tls from 'node:tls'

import { TlsServer } from '../../core.js'
import type { BindingIdentity, BindingTls, BindingTlsContext } from '../bridge/native.js'
import { certificatesIn, textOf } from './pem.js'

/** Members that tls.Server assigns from its options. */
export interface TlsMembers {
  readonly ALPNProtocols?: Uint8Array
  readonly cert?: unknown
  readonly ciphers?: string
  readonly ecdhCurve?: string
  readonly honorCipherOrder?: boolean
  readonly key?: unknown
  readonly maxVersion?: string
  readonly minVersion?: string
  readonly passphrase?: string
  readonly requestCert?: boolean
  readonly _contexts?: unknown[]
}

/** The arguments of `addContext`. */
export interface Context {
  readonly name: string
  readonly context: object
}

/** Options that only OpenSSL supports. tls.Server has members for those of the first list. */
const MEMBERS = [
  ...['ALPNCallback', 'ca', 'certificateCompression', 'clientCertEngine', 'crl', 'dhparam', 'pfx', 'privateKeyEngine'],
  ...[
    'privateKeyIdentifier',
    'requestCert',
    'secureOptions',
    'secureProtocol',
    'sessionTimeout',
    'sigalgs',
    'ticketKeys',
  ],
] as const
const OPTIONS = [
  'enableTrace',
  'pauseOnConnect',
  'pskCallback',
  'pskIdentityHint',
  'secureContext',
  'SNICallback',
] as const
/** Events that only OpenSSL reports. */
export const EVENTS = ['keylog', 'newSession', 'OCSPRequest', 'resumeSession'] as const

/** The versions that rustls has, as the protocol numbers them. */
export const VERSIONS: Readonly<Record<string, number>> = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 }

/**
 * @param contexts the contexts that the program has added, the oldest first
 * @returns the TLS of a server, or the reason why an I/O thread cannot have it: the name of an option, with details
 */
export function nativeTls(server: TlsMembers, options: object, contexts: readonly Context[]): BindingTls | string {
  const member = MEMBERS.find((name) => (server as Record<string, unknown>)[name])
  if (member !== undefined) return member
  const option = OPTIONS.find((name) => (options as Record<string, unknown>)[name])
  if (option !== undefined) return option
  // The program has changed the list itself.
  if ((server._contexts?.length ?? 0) !== contexts.length) return '_contexts'
  const { minVersion = tls.DEFAULT_MIN_VERSION, maxVersion = tls.DEFAULT_MAX_VERSION } = server
  if (VERSIONS[minVersion] === undefined) return `minVersion: ${minVersion}`
  if (VERSIONS[maxVersion] === undefined) return `maxVersion: ${maxVersion}`
  try {
    const identities = identitiesOf(server)
    if (identities.length === 0 && contexts.length === 0) return 'cert: none'
    return new TlsServer({
      identities,
      contexts: contexts.map(contextOf),
      minVersion: VERSIONS[minVersion]!,
      maxVersion: VERSIONS[maxVersion]!,
      ciphers: server.ciphers || tls.DEFAULT_CIPHERS,
      hasDefaultCiphers: !server.ciphers,
      curves: server.ecdhCurve ?? tls.DEFAULT_ECDH_CURVE,
      alpn: protocols(server.ALPNProtocols),
      honorCipherOrder: server.honorCipherOrder !== false,
    })
  } catch (error) {
    return (error as Error).message
  }
}

/** Pairs each key with its certificate. @throws an Error whose message is the reason */
export function identitiesOf({
  key,
  cert,
  passphrase,
}: Pick<TlsMembers, 'key' | 'cert' | 'passphrase'>): BindingIdentity[] {
  const keys = listOf(key).map((given) => privateKey(given, passphrase))
  const chains = listOf(cert).map(certificates)
  if (keys.length !== chains.length) throw new Error('cert: not one for each key')
  return chains.map((chain) => {
    const own = keys.find((candidate) => chain[0]!.checkPrivateKey(candidate))
    if (own === undefined) throw new Error('cert: without its key')
    return { chain: chain.map(({ raw }) => raw), key: own.export({ type: 'pkcs8', format: 'der' }) }
  })
}

/** Only OpenSSL supports names with `*` elsewhere than as the first label, and contexts with more than a certificate. */
function contextOf({ name, context }: Context): BindingTlsContext {
  const isPlain = Object.getPrototypeOf(context) === Object.prototype
  const other = isPlain ? Object.keys(context).find((key) => !CONTEXT_OPTIONS.has(key)) : 'secureContext'
  if (other !== undefined) throw new Error(`addContext: ${other}`)
  if (name.replace(/^\*\./, '').includes('*')) throw new Error(`addContext: ${name}`)
  return { name, identities: identitiesOf(context) }
}

const CONTEXT_OPTIONS: ReadonlySet<string> = new Set(['cert', 'key', 'passphrase'])

function listOf(given: unknown): unknown[] {
  return Array.isArray(given) ? given : given ? [given] : []
}

function privateKey(given: unknown, passphrase: string | undefined): KeyObject {
  const { pem, passphrase: own } = (given ?? {}) as { pem?: string | Buffer; passphrase?: string }
  const key = createPrivateKey({ key: pem ?? (given as string | Buffer), passphrase: own ?? passphrase, format: 'pem' })
  // Ed25519 and RSA-PSS are left to OpenSSL, because few peers support them.
  if (key.asymmetricKeyType !== 'ec' && key.asymmetricKeyType !== 'rsa')
    throw new Error(`key: ${key.asymmetricKeyType}`)
  return key
}

function certificates(given: unknown): X509Certificate[] {
  const found = certificatesIn(textOf(given, 'cert'))
  if (found.length === 0) throw new Error('cert: not in PEM')
  return found.map((der) => new X509Certificate(der))
}

/** Splits the protocol's form of the list, in which each name follows its length. */
export function protocols(encoded: Uint8Array | undefined): Buffer[] {
  const list = []
  for (let at = 0; encoded !== undefined && at < encoded.length; at += encoded[at]! + 1) {
    list.push(Buffer.from(encoded.subarray(at + 1, at + 1 + encoded[at]!)))
  }
  return list
}
