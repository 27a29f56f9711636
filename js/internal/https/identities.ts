/** Reads the options that have a program's own certificates and keys: `key`, `cert`, `passphrase` and `pfx`. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'

import type { BindingIdentity } from '../bridge/native.js'
import { partsOf } from './der.js'
import { certificatesIn, bytesOf, textOf } from './pem.js'
import { readPkcs12 } from './pkcs12.js'
import { authoritiesIn, defaultCertificates } from './trust.js'

/** The options. */
export interface Given {
  readonly ca?: unknown
  readonly cert?: unknown
  readonly key?: unknown
  readonly passphrase?: string
  readonly pfx?: unknown
}

export interface Identities {
  /** For an I/O thread. */
  readonly native: BindingIdentity[]
  /** The certificate that `getCertificate` returns. With several, only the I/O thread knows which one the peer has received. */
  readonly shown: X509Certificate | null
  /** Certificates of authorities in `pfx`, in DER, which are trusted beside those of `ca`. */
  readonly authorities: readonly Buffer[]
}

/** Pairs each key with its certificate. @throws an Error whose message is the reason why only OpenSSL can use them */
export function identitiesOf({ ca, cert, key, passphrase, pfx }: Given): Identities {
  const chains = listOf(cert).map(certificates)
  const keys = listOf(key).map((given) => privateKey(given, passphrase))
  if (keys.length !== chains.length) throw new Error('cert: not one for each key')
  const isAlone = chains.some(({ length, 0: own }) => length === 1 && !own.checkIssued(own))
  const authorities = isAlone ? (ca ? authoritiesIn(ca) : defaultCertificates()) : []
  const native = chains.map((chain) => {
    const own = keys.find((candidate) => chain[0]!.checkPrivateKey(candidate))
    if (own === undefined) throw new Error('cert: without its key')
    return identity(chain.length === 1 ? completed(chain[0]!, authorities) : chain, own)
  })
  let shown = chains[0]?.[0] ?? null
  const others: Buffer[] = []
  for (const given of listOf(pfx)) {
    const bundle = bundleOf(given, passphrase)
    const [own, ...issuers] = bundle.certificates
    // As with OpenSSL the certificate of the last option is in use where they have the same kind of key.
    native.unshift(identity([own, ...issuers], bundle.key))
    shown = own
    others.push(...issuers.map(({ raw }) => raw))
  }
  return { native, shown, authorities: others }
}

/**
 * As OpenSSL does, follows a certificate that comes alone by those of its issuers that are among the authorities: those of `ca`, or else
 * Node's default ones.
 */
function completed(own: X509Certificate, authorities: readonly Buffer[]): Chain {
  const chain: [X509Certificate, ...X509Certificate[]] = [own]
  for (let last = own; !last.checkIssued(last); ) {
    const issuer = issuersNamedBy(last, authorities).find((one) => last.checkIssued(one))
    if (issuer === undefined || chain.some(({ raw }) => raw.equals(issuer.raw))) break
    chain.push(issuer)
    last = issuer
  }
  return chain
}

/** Only certificates with the name of the issuer are parsed, because Node has more than a hundred. */
function issuersNamedBy(certificate: X509Certificate, authorities: readonly Buffer[]): X509Certificate[] {
  const issuer = partsOf(certificate.raw)?.issuer
  return parsed(authorities.filter((der) => issuer !== undefined && partsOf(der)?.subject === issuer))
}

/** The peer's own certificate first. */
type Chain = readonly [X509Certificate, ...X509Certificate[]]

function identity(chain: Chain, key: KeyObject): BindingIdentity {
  return { chain: chain.map(({ raw }) => raw), key: key.export({ type: 'pkcs8', format: 'der' }) }
}

function listOf(given: unknown): unknown[] {
  return Array.isArray(given) ? given : given ? [given] : []
}

function privateKey(given: unknown, passphrase: string | undefined): KeyObject {
  const { pem, passphrase: own } = (given ?? {}) as { pem?: string | Buffer; passphrase?: string }
  return supported(
    createPrivateKey({ key: pem ?? (given as string | Buffer), passphrase: own ?? passphrase, format: 'pem' }),
  )
}

/** Ed25519 and RSA-PSS are left to OpenSSL, because few peers support them. */
function supported(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ec' && key.asymmetricKeyType !== 'rsa')
    throw new Error(`key: ${key.asymmetricKeyType}`)
  return key
}

function certificates(given: unknown): Chain {
  const [own, ...others] = parsed(certificatesIn(textOf(given, 'cert')))
  if (own === undefined) throw new Error('cert: not in PEM')
  return [own, ...others]
}

function parsed(list: readonly Buffer[]): X509Certificate[] {
  return list.map((der) => new X509Certificate(der))
}

/** @param given one value of `pfx`: bytes, or an object with bytes and their passphrase */
function bundleOf(given: unknown, passphrase: string | undefined): { key: KeyObject; certificates: Chain } {
  const { buf = given, passphrase: own } = given as { buf?: unknown; passphrase?: string }
  if (!ArrayBuffer.isView(buf)) throw new Error('pfx: no bytes')
  const { keys, certificates: all } = readPkcs12(bytesOf(buf), own || passphrase)
  const [key] = keys
  const first = key && all.find((one) => one.checkPrivateKey(key))
  if (keys.length !== 1 || first === undefined) throw new Error('pfx: not one key with its certificate')
  const issuers = all.filter((one) => one !== first)
  return { key: supported(key!), certificates: [first, ...issuers] }
}
