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
  readonly crl?: unknown
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
  ...['certificateCompression', 'clientCertEngine', 'dhparam', 'privateKeyEngine'],
  ...['privateKeyIdentifier', 'secureOptions', 'secureProtocol', 'sigalgs'],
] as const
const OPTIONS = ['enableTrace', 'pauseOnConnect', 'pskCallback', 'pskIdentityHint', 'secureContext'] as const
/** Events that only OpenSSL reports. */
export const EVENTS = ['newSession', 'OCSPRequest', 'resumeSession'] as const

/** The versions that rustls has, as the protocol numbers them. */
export const VERSIONS: Readonly<Record<string, number>> = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 }

/** The TLS of a server or of one of its contexts, as an I/O thread has it. */
export interface Secured {
  readonly tls: BindingTls
  /** The certificates that clients are judged by, null if they are not asked for certificates. */
  readonly trust: Trust | null
  /** The server's certificate that sockets show. */
  readonly shown: X509Certificate | null
}

/** The parts of a server's TLS that are not among its options. */
export interface Extras {
  /** The contexts that an I/O thread chooses by the client's name, the oldest first. */
  readonly contexts: readonly BindingTlsContext[]
  /** The keys of the server's tickets, null if the program does not know them. */
  readonly ticketKeys: Buffer | null
  /** Whether the program is asked about the names that clients ask for, and about the protocols that they offer. */
  readonly asks: { readonly names: boolean; readonly protocols: boolean }
  /** Whether the program listens for 'keylog'. */
  readonly logsKeys: boolean
  /** Certificates in the forms of `ca`, which complete the server's own chain. */
  readonly issuers: unknown
  /** For the TLS of a context: the TLS of its server. Null for the server's own. */
  readonly base: BindingTls | null
}

/** @returns the option that only OpenSSL supports, undefined if the server has none */
export function foreignOption(server: TlsMembers, options: object): string | undefined {
  const member = MEMBERS.find((name) => (server as Record<string, unknown>)[name])
  return member ?? OPTIONS.find((name) => (options as Record<string, unknown>)[name])
}

function givenBy({ cert, key, passphrase, pfx }: Given): Given {
  return { cert, key, passphrase, pfx }
}

/** @returns the TLS, or the reason why an I/O thread cannot have it: the name of an option, with details */
export function nativeTls(
  server: TlsMembers,
  { contexts, ticketKeys, asks, logsKeys, issuers, base }: Extras,
): Secured | string {
  const { minVersion = tls.DEFAULT_MIN_VERSION, maxVersion = tls.DEFAULT_MAX_VERSION } = server
  if (VERSIONS[minVersion] === undefined) return `minVersion: ${minVersion}`
  if (VERSIONS[maxVersion] === undefined) return `maxVersion: ${maxVersion}`
  try {
    const { native: identities, shown, authorities } = identitiesOf({ ...givenBy(server), ca: issuers })
    if (identities.length === 0 && contexts.length === 0 && !asks.names) return 'cert: none'
    const ca = server.ca ? authoritiesIn(server.ca) : null
    const trust = server.requestCert ? trustIn({ ca, more: authorities, crl: server.crl }, 'clients') : null
    const made = new TlsServer(
      {
        identities,
        contexts: [...contexts],
        minVersion: VERSIONS[minVersion]!,
        maxVersion: VERSIONS[maxVersion]!,
        ciphers: server.ciphers || tls.DEFAULT_CIPHERS,
        hasDefaultCiphers: !server.ciphers,
        curves: server.ecdhCurve ?? tls.DEFAULT_ECDH_CURVE,
        alpn: splitProtocols(server.ALPNProtocols),
        honorCipherOrder: server.honorCipherOrder !== false,
        // As with OpenSSL the default certificates are not named.
        authorities: [...(ca ?? []), ...authorities].flatMap(subjectOf),
        rejectUnauthorized: server.rejectUnauthorized !== false,
        ticketKeys: ticketKeys ?? undefined,
        sessionTimeout: server.sessionTimeout,
        asks,
        logsKeys,
      },
      trust?.native,
      base,
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

/**
 * The context for an I/O thread, which finds it by its name. Null if JavaScript has to: for a name with `*` elsewhere than as the first
 * label, and for a context with more than a certificate.
 */
export function plainContext({ name, context }: Context): BindingTlsContext | null {
  const isPlain =
    Object.getPrototypeOf(context) === Object.prototype &&
    Object.keys(context).every((key) => CONTEXT_OPTIONS.has(key)) &&
    !name.replace(/^\*\./, '').includes('*')
  if (!isPlain) return null
  try {
    return { name, identities: identitiesOf(context).native }
  } catch {
    return null
  }
}

const CONTEXT_OPTIONS: ReadonlySet<string> = new Set(['cert', 'key', 'passphrase', 'pfx'])

/** Splits the protocol's form of the list, in which each name follows its length. */
export function splitProtocols(encoded: Uint8Array | undefined): Buffer[] {
  const list = []
  for (let at = 0; encoded !== undefined && at < encoded.length; at += encoded[at]! + 1) {
    list.push(Buffer.from(encoded.subarray(at + 1, at + 1 + encoded[at]!)))
  }
  return list
}
