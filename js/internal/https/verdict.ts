/**
 * Finds the error that OpenSSL has for a peer's certificates. The I/O thread has decided that they are not valid; node:crypto reads
 * them as OpenSSL does.
 */
import type { X509Certificate } from 'node:crypto'

import * as r from '../../native/records.js'
import {
  allowsType,
  allowsUsage,
  BASIC_CONSTRAINTS,
  KEY_CERT_SIGN,
  KEY_USAGE,
  NAME_CONSTRAINTS,
  partsOf,
} from './der.js'
import type { Peer } from './peer.js'
import { mayBeIssuedBy, type Budget, type Purpose, type Trust } from './trust.js'

/** Messages of OpenSSL by the names of its errors. */
const MESSAGES = {
  CA_MD_TOO_WEAK: 'CA signature digest algorithm too weak',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_REJECTED: 'certificate rejected',
  CERT_REVOKED: 'certificate revoked',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  CRL_HAS_EXPIRED: 'CRL has expired',
  CRL_SIGNATURE_FAILURE: 'CRL signature failure',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  INVALID_CA: 'invalid CA certificate',
  INVALID_PURPOSE: 'unsuitable certificate purpose',
  KEYUSAGE_NO_CERTSIGN: 'key usage does not include certificate signing',
  PATH_LENGTH_EXCEEDED: 'path length constraint exceeded',
  PERMITTED_VIOLATION: 'permitted subtree violation',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_CRL: 'unable to get certificate CRL',
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
  UNHANDLED_CRITICAL_EXTENSION: 'unhandled critical extension',
} as const

type Code = keyof typeof MESSAGES

/** Node's codes are the names of OpenSSL's errors. For these it has UNSPECIFIED. */
const WITHOUT_CODE: ReadonlySet<Code> = new Set([
  'CA_MD_TOO_WEAK',
  'KEYUSAGE_NO_CERTSIGN',
  'PERMITTED_VIOLATION',
  'UNHANDLED_CRITICAL_EXTENSION',
])

/** Node adds this from version 24 on. */
const ADVICE =
  Number.parseInt(process.versions.node, 10) >= 24
    ? '; if the root CA is installed locally, try running Node.js with --use-system-ca'
    : ''
const ADVISED: ReadonlySet<Code> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Errors that only the I/O thread finds. */
const FOUND_NATIVELY: Readonly<Record<number, Code>> = {
  [r.VERDICT_PURPOSE]: 'INVALID_PURPOSE',
  [r.VERDICT_PATH_LENGTH]: 'PATH_LENGTH_EXCEEDED',
  [r.VERDICT_INVALID_CA]: 'INVALID_CA',
  [r.VERDICT_CRITICAL_EXTENSION]: 'UNHANDLED_CRITICAL_EXTENSION',
  [r.VERDICT_SIGNATURE]: 'CERT_SIGNATURE_FAILURE',
}

/** Errors about lists of revoked certificates, which OpenSSL finds after those of the path. */
const OF_LISTS: Readonly<Record<number, Code>> = {
  [r.VERDICT_REVOKED]: 'CERT_REVOKED',
  [r.VERDICT_NO_LIST]: 'UNABLE_TO_GET_CRL',
  [r.VERDICT_LIST_EXPIRED]: 'CRL_HAS_EXPIRED',
  [r.VERDICT_LIST_SIGNATURE]: 'CRL_SIGNATURE_FAILURE',
}

/** OpenSSL's limit for the length of a chain. */
const LONGEST_CHAIN = 100
/**
 * Signatures that are verified to find issuers that may not sign. The peer chooses how many of its certificates have the same name, and
 * each verification blocks the thread.
 */
const MOST_VERIFICATIONS = 16
/** Extended key usage: the certificate of a TLS server or client. */
const EXTENDED_USAGE: Readonly<Record<Purpose, string>> = {
  servers: '1.3.6.1.5.5.7.3.1',
  clients: '1.3.6.1.5.5.7.3.2',
}
/** Key usages (RFC 5280 section 4.2.1.3), one of which is needed: digitalSignature and keyAgreement, of servers also keyEncipherment. */
const KEY_USAGES: Readonly<Record<Purpose, number>> = { servers: 0xa8, clients: 0x88 }
/** In the first byte of Netscape's certificate type. */
const CERTIFICATE_TYPES: Readonly<Record<Purpose, number>> = { servers: 0x40, clients: 0x80 }
/** Algorithms of signatures, by their identifiers in DER: RSA with SHA-256, SHA-384 and SHA-512, ECDSA with them, and Ed25519. */
const STRONG_SIGNATURES: ReadonlySet<string> = new Set([
  ...['2a864886f70d01010b', '2a864886f70d01010c', '2a864886f70d01010d'],
  ...['2a8648ce3d040302', '2a8648ce3d040303', '2a8648ce3d040304', '2b6570'],
])
/** RSA with MD2, MD4, MD5 and SHA-1, DSA and ECDSA with SHA-1. OpenSSL refuses them on all of its security levels but the lowest. */
const WEAK_SIGNATURES: ReadonlySet<string> = new Set([
  ...['2a864886f70d010102', '2a864886f70d010103', '2a864886f70d010104', '2a864886f70d010105'],
  ...['2b0e03021d', '2a8648ce380403', '2a8648ce3d0401'],
])
/** In bits. */
const SHORTEST_RSA = 2048
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/**
 * @param verdict of the I/O thread
 * @returns the error, or null where OpenSSL accepts the certificates
 */
export function verifyError(verdict: number, peer: Peer, trust: Trust): Error | null {
  if (verdict === r.VERDICT_TRUSTED) return null
  const code = safeCodeOf(verdict, peer, trust)
  if (code === null) return null
  const error = new Error(ADVISED.has(code) ? MESSAGES[code] + ADVICE : MESSAGES[code])
  Error.captureStackTrace(error, verifyError)
  return Object.assign(error, { code: WITHOUT_CODE.has(code) ? 'UNSPECIFIED' : code })
}

function safeCodeOf(verdict: number, peer: Peer, trust: Trust): Code | null {
  try {
    const { certificates } = peer
    // As Node has it for a client without a certificate.
    return certificates.length === 0 ? 'UNABLE_TO_GET_ISSUER_CERT' : codeOf(verdict, certificates, trust)
  } catch {
    // node:crypto cannot read a key.
    return 'CERT_REJECTED'
  }
}

/**
 * OpenSSL reports the last error that it finds: first those of the path, then the purposes, digests, signatures and dates of its
 * certificates, and name constraints last.
 */
function codeOf(verdict: number, chain: readonly X509Certificate[], trust: Trust): Code | null {
  const { path, problem } = pathOf(chain, trust)
  let code: Code | null = problem ?? FOUND_NATIVELY[verdict] ?? null
  const { purpose } = trust
  if (!isFor(purpose, path[0]!) || path.slice(1).some((one) => isNoAuthority(purpose, one))) code = 'INVALID_PURPOSE'
  // The signature of the last certificate is not checked: the certificate is trusted, or its issuer is unknown.
  const signed = path.slice(0, -1)
  if (signed.some(({ raw }) => WEAK_SIGNATURES.has(partsOf(raw)?.algorithm ?? ''))) code = 'CA_MD_TOO_WEAK'
  const { lists } = trust
  if (OF_LISTS[verdict] !== undefined) code = OF_LISTS[verdict]
  else if (lists !== null && path.some(({ raw }) => !lists.has(partsOf(raw)?.issuer ?? ''))) code = 'UNABLE_TO_GET_CRL'
  const now = Date.now()
  for (let at = path.length - 1; at >= 0; at--) {
    const certificate = path[at]!
    const issuer = path[at + 1]
    if (issuer === undefined && path.length === 1 && problem === 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY')
      code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
    if (issuer !== undefined && !hasKeyUsage(issuer, KEY_CERT_SIGN)) code = 'KEYUSAGE_NO_CERTSIGN'
    if (issuer !== undefined && !certificate.verify(issuer.publicKey)) code = 'CERT_SIGNATURE_FAILURE'
    if (now < Date.parse(certificate.validFrom)) code = 'CERT_NOT_YET_VALID'
    else if (now > Date.parse(certificate.validTo)) code = 'CERT_HAS_EXPIRED'
  }
  if (verdict === r.VERDICT_NAME_CONSTRAINTS) code = 'PERMITTED_VIOLATION'
  if (code !== null) return code
  // The path is complete. The I/O thread rejects it all the same, because its rules are stricter.
  return verdict === r.VERDICT_UNUSUAL && lists === null && isAcceptable(purpose, path) ? null : 'CERT_REJECTED'
}

interface Path {
  /** The peer's own certificate first, a trusted one last if there is one. */
  readonly path: readonly X509Certificate[]
  readonly problem: Code | null
}

/** Finds the issuer of each certificate, among the trusted ones first. */
function pathOf(chain: readonly X509Certificate[], trust: Trust): Path {
  const path = [chain[0]!]
  const budget: Budget = { verifications: MOST_VERIFICATIONS }
  let trusted = 0
  while (path.length < LONGEST_CHAIN) {
    const last = path.at(-1)!
    const issuers = trust.issuersOf(last, budget)
    const isSelfSigned = mayBeIssuedBy(last, last, budget)
    if (isSelfSigned) {
      const isTrusted = trusted > 0 || issuers.some(({ raw }) => raw.equals(last.raw))
      if (isTrusted) return { path, problem: null }
      return { path, problem: path.length === 1 ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'SELF_SIGNED_CERT_IN_CHAIN' }
    }
    const issuer =
      issuers.find((one) => last.verify(one.publicKey)) ??
      issuers[0] ??
      (trusted > 0 ? undefined : chain.find((one) => !path.includes(one) && mayBeIssuedBy(last, one, budget)))
    if (issuer === undefined)
      return { path, problem: trusted > 0 ? 'UNABLE_TO_GET_ISSUER_CERT' : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' }
    if (issuers.length > 0) trusted++
    path.push(issuer)
  }
  return { path, problem: 'CERT_REJECTED' }
}

/**
 * Whether OpenSSL accepts a path that the I/O thread does not: of a peer whose own certificate is trusted or has the rights of an
 * authority, and of certificates of version 1. Only for paths without further certificates in between, because their restrictions are
 * not checked here.
 */
function isAcceptable(purpose: Purpose, path: readonly X509Certificate[]): boolean {
  const [own, issuer] = path as [X509Certificate, X509Certificate?]
  if (path.length > 2 || !path.every(isStrong)) return false
  if (issuer === undefined) return true
  return maySign(purpose, issuer) && STRONG_SIGNATURES.has(partsOf(own.raw)?.algorithm ?? '')
}

/** Whether an authority may sign for all names. */
function maySign(purpose: Purpose, issuer: X509Certificate): boolean {
  const parts = partsOf(issuer.raw)
  const isAuthority = issuer.ca || parts?.isVersion1 === true
  return isAuthority && !isNoAuthority(purpose, issuer) && parts?.extensions.has(NAME_CONSTRAINTS) === false
}

/** Whether its extensions forbid that it signs certificates for a purpose. One of version 1, which has none, may if it is trusted. */
function isNoAuthority(purpose: Purpose, certificate: X509Certificate): boolean {
  const parts = partsOf(certificate.raw)
  if (parts === null || !mayBeFor(purpose, certificate)) return true
  const { extensions, isVersion1, issuer, subject } = parts
  if (extensions.has(BASIC_CONSTRAINTS)) return !certificate.ca
  return !extensions.has(KEY_USAGE) && !(isVersion1 && issuer === subject)
}

function hasKeyUsage({ raw }: X509Certificate, usages: number): boolean {
  const parts = partsOf(raw)
  return parts !== null && allowsUsage(parts, usages)
}

function isFor(purpose: Purpose, certificate: X509Certificate): boolean {
  const parts = partsOf(certificate.raw)
  if (parts === null || !mayBeFor(purpose, certificate)) return false
  return allowsUsage(parts, KEY_USAGES[purpose]) && allowsType(parts, CERTIFICATE_TYPES[purpose])
}

/** In node:crypto `keyUsage` is the list of extended key usages. */
function mayBeFor(purpose: Purpose, { keyUsage }: X509Certificate): boolean {
  const purposes = keyUsage as readonly string[] | undefined
  return purposes === undefined || purposes.includes(EXTENDED_USAGE[purpose])
}

/** Whether the key is one that webpki accepts in other certificates: no short keys of RSA, and no curves that few peers have. */
function isStrong({ publicKey }: X509Certificate): boolean {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {}
  if (publicKey.asymmetricKeyType === 'ec') return CURVES.has(namedCurve ?? '')
  return publicKey.asymmetricKeyType === 'ed25519' || (modulusLength ?? 0) >= SHORTEST_RSA
}
