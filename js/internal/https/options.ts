/**
 * Converts the options that tls.Server keeps for an I/O thread. Which options an I/O thread supports is decided here and in
 * `crates/net/src/tls`.
 */
import type { X509Certificate } from 'node:crypto'
import tls from 'node:tls'

import { TlsServer } from '../../core.js'
import type { BindingTls, BindingTlsContext } from '../bridge/native.js'
import { partsOf } from './der.js'
import { identitiesOf, type Given } from './identities.js'
import { authoritiesIn, trustIn, type Trust } from './trust.js'

/** Members that tls.Server assigns from its options. */
export interface TlsMembers extends Given {
  readonly ALPNProtocols?: Uint8Array
  readonly ciphers?: string
  readonly ecdhCurve?: string
  readonly honorCipherOrder?: boolean
  readonly maxVersion?: string
  readonly minVersion?: string
  readonly rejectUnauthorized?: boolean
  readonly requestCert?: boolean
  readonly sessionTimeout?: number
  readonly ticketKeys?: Uint8Array
  readonly _contexts?: unknown[]
}

/** The arguments of `addContext`. */
export interface Context {
  readonly name: string
  readonly context: object
}

/** Options that only OpenSSL supports. tls.Server has members for those of the first list. */
const MEMBERS = [
  ...['ALPNCallback', 'certificateCompression', 'clientCertEngine', 'crl', 'dhparam', 'privateKeyEngine'],
  ...['privateKeyIdentifier', 'secureOptions', 'secureProtocol', 'sigalgs'],
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

/** The TLS of a server, as an I/O thread has it. */
export interface Secured {
  readonly tls: BindingTls
  /** What clients are judged by, null if they are not asked for certificates. */
  readonly trust: Trust | null
  /** The server's certificate that sockets show. */
  readonly shown: X509Certificate | null
}

/**
 * @param contexts the contexts that the program has added, the oldest first
 * @param ticketKeys those of the server's tickets, null if the program does not know them
 * @returns the TLS, or the reason why an I/O thread cannot have it: the name of an option, with details
 */
export function nativeTls(
  server: TlsMembers,
  options: object,
  contexts: readonly Context[],
  ticketKeys: Buffer | null,
): Secured | string {
  const member = MEMBERS.find((name) => (server as Record<string, unknown>)[name])
  if (member !== undefined) return member
  const option = OPTIONS.find((name) => (options as Record<string, unknown>)[name])
  if (option !== undefined) return option
  // The program has changed the list itself.
  if ((server._contexts?.length ?? 0) !== contexts.length) return '_contexts'
  // With OpenSSL a context has its own authorities, which are Node's where it has no `ca`.
  if (server.requestCert && contexts.length > 0) return 'addContext: requestCert'
  const { minVersion = tls.DEFAULT_MIN_VERSION, maxVersion = tls.DEFAULT_MAX_VERSION } = server
  if (VERSIONS[minVersion] === undefined) return `minVersion: ${minVersion}`
  if (VERSIONS[maxVersion] === undefined) return `maxVersion: ${maxVersion}`
  try {
    const { native: identities, shown, authorities } = identitiesOf(server)
    if (identities.length === 0 && contexts.length === 0) return 'cert: none'
    const ca = server.ca ? authoritiesIn(server.ca) : null
    const trust = server.requestCert ? trustIn(ca, authorities, 'clients') : null
    const made = new TlsServer(
      {
        identities,
        contexts: contexts.map(contextOf),
        minVersion: VERSIONS[minVersion]!,
        maxVersion: VERSIONS[maxVersion]!,
        ciphers: server.ciphers || tls.DEFAULT_CIPHERS,
        hasDefaultCiphers: !server.ciphers,
        curves: server.ecdhCurve ?? tls.DEFAULT_ECDH_CURVE,
        alpn: protocols(server.ALPNProtocols),
        honorCipherOrder: server.honorCipherOrder !== false,
        // As with OpenSSL the default certificates are not named.
        authorities: [...(ca ?? []), ...authorities].flatMap(subjectOf),
        rejectUnauthorized: server.rejectUnauthorized !== false,
        ticketKeys: ticketKeys ?? undefined,
        sessionTimeout: server.sessionTimeout,
      },
      trust?.native,
    )
    return { tls: made, trust, shown }
  } catch (error) {
    return (error as Error).message
  }
}

function subjectOf(der: Buffer): Buffer[] {
  const parts = partsOf(der)
  return parts === null ? [] : [Buffer.from(parts.subject, 'latin1')]
}

/** Only OpenSSL supports names with `*` elsewhere than as the first label, and contexts with more than a certificate. */
function contextOf({ name, context }: Context): BindingTlsContext {
  const isPlain = Object.getPrototypeOf(context) === Object.prototype
  const other = isPlain ? Object.keys(context).find((key) => !CONTEXT_OPTIONS.has(key)) : 'secureContext'
  if (other !== undefined) throw new Error(`addContext: ${other}`)
  if (name.replace(/^\*\./, '').includes('*')) throw new Error(`addContext: ${name}`)
  return { name, identities: identitiesOf(context).native }
}

const CONTEXT_OPTIONS: ReadonlySet<string> = new Set(['cert', 'key', 'passphrase', 'pfx'])

/** Splits the protocol's form of the list, in which each name follows its length. */
export function protocols(encoded: Uint8Array | undefined): Buffer[] {
  const list = []
  for (let at = 0; encoded !== undefined && at < encoded.length; at += encoded[at]! + 1) {
    list.push(Buffer.from(encoded.subarray(at + 1, at + 1 + encoded[at]!)))
  }
  return list
}
