/** The certificates that clients trust: those of the option `ca`, or Node's own. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'

import { TlsTrust, type NativeTrust } from '../../core.js'
import { allowsUsage, KEY_CERT_SIGN, listParts, partsOf } from './der.js'
import { certificatesIn, listsIn, textOf } from './pem.js'

/** Node 20 does not have it. */
const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => readonly string[] }

/** Whose certificates are judged: those of servers, or of clients. */
export type Purpose = 'servers' | 'clients'

export class Trust {
  readonly purpose: Purpose
  readonly native: NativeTrust
  /** The authorities that have lists of revoked certificates, by their names in DER. Null if there are no lists. */
  readonly lists: ReadonlySet<string> | null
  readonly #certificates: readonly Buffer[]
  #bySubject: Map<string, Buffer[]> | null = null

  /**
   * @param certificates in DER
   * @param lists of revoked certificates, in DER
   * @throws an Error whose message is the reason why only OpenSSL can use the lists
   */
  constructor(certificates: readonly Buffer[], lists: readonly Buffer[], purpose: Purpose) {
    this.purpose = purpose
    this.lists = lists.length === 0 ? null : authoritiesOf(lists)
    this.#certificates = certificates
    // As with OpenSSL a path has to end with a certificate that has signed itself.
    const roots: Buffer[] = []
    const others: Buffer[] = []
    for (const der of certificates) {
      const parts = partsOf(der)
      if (parts !== null) (parts.issuer === parts.subject ? roots : others).push(der)
    }
    this.native = new TlsTrust(roots, others, [...lists], purpose === 'clients')
  }

  /** The trusted certificates that may have signed `certificate`, parsed. It may be one of them. */
  issuersOf(certificate: X509Certificate, budget: Budget): X509Certificate[] {
    const issuer = partsOf(certificate.raw)?.issuer
    if (issuer === undefined) return []
    return (this.#named(issuer) ?? [])
      .map((der) => new X509Certificate(der))
      .filter((one) => mayBeIssuedBy(certificate, one, budget))
  }

  #named(subject: string): Buffer[] | undefined {
    if (this.#bySubject === null) {
      this.#bySubject = new Map()
      for (const der of this.#certificates) {
        const name = partsOf(der)?.subject
        if (name === undefined) continue
        const others = this.#bySubject.get(name)
        if (others === undefined) this.#bySubject.set(name, [der])
        else others.push(der)
      }
    }
    return this.#bySubject.get(subject)
  }
}

/** Signatures that may still be verified to find issuers. Without any, `mayBeIssuedBy` is false where only a signature can decide. */
export interface Budget {
  verifications: number
}

/**
 * Whether OpenSSL takes `issuer` for the issuer. `checkIssued` also asks for keyCertSign, whose absence OpenSSL reports when it has the
 * path.
 */
export function mayBeIssuedBy(certificate: X509Certificate, issuer: X509Certificate, budget: Budget): boolean {
  if (certificate.checkIssued(issuer)) return true
  // node:crypto keeps these texts. Certificates are parsed only where they are equal.
  if (certificate.issuer !== issuer.subject) return false
  const own = partsOf(certificate.raw)
  const signer = partsOf(issuer.raw)
  if (own === null || signer === null || own.issuer !== signer.subject) return false
  if (allowsUsage(signer, KEY_CERT_SIGN) || budget.verifications === 0) return false
  budget.verifications--
  return certificate.verify(issuer.publicKey)
}

/** The latest default stores, with the list that they were made from. */
const standard: Partial<Record<Purpose, { readonly source: readonly string[]; readonly trust: Trust }>> = {}

/**
 * Node's default certificates. Node makes a new list when a program has replaced them, so a list that was seen before has not
 * changed.
 */
export function defaultTrust(purpose: Purpose): Trust {
  const source = defaultTexts()
  const last = standard[purpose]
  if (last?.source === source) return last.trust
  const trust = new Trust(defaultCertificates(), [], purpose)
  standard[purpose] = { source, trust }
  return trust
}

function defaultTexts(): readonly string[] {
  return getCACertificates?.('default') ?? bundledAndExtra()
}

/** Node's default certificates, in DER. */
export function defaultCertificates(): Buffer[] {
  return defaultTexts().flatMap(certificatesIn)
}

/** Read when https is loaded. Node reads the file at its start, and later changes of the variable have no effect. */
const extraCertificates = getCACertificates === undefined ? extra() : []

let bundled: readonly string[] | null = null

function bundledAndExtra(): readonly string[] {
  bundled ??= [...tls.rootCertificates, ...extraCertificates]
  return bundled
}

/** NODE_EXTRA_CA_CERTS, a file. As in Node a file that cannot be read is ignored, with Node's own warning at its start. */
function extra(): string[] {
  const path = process.env['NODE_EXTRA_CA_CERTS']
  if (!path) return []
  try {
    return [readFileSync(path, 'latin1')]
  } catch {
    return []
  }
}

/**
 * @param ca the option: texts in PEM, as strings or bytes
 * @returns the certificates in DER
 * @throws an Error whose message is the reason why only OpenSSL can use them
 */
export function authoritiesIn(ca: unknown): Buffer[] {
  const texts = (Array.isArray(ca) ? ca : [ca]).map((given) => textOf(given, 'ca'))
  if (texts.some((text) => text.includes('BEGIN TRUSTED'))) throw new Error('ca: with settings of OpenSSL')
  return texts.flatMap(certificatesIn)
}

/**
 * The names of the authorities that have issued `lists`. OpenSSL chooses between several lists of one authority by their dates, and an
 * I/O thread does not check whether a list is valid already, so such lists are for OpenSSL only.
 * @throws an Error whose message is the reason why only OpenSSL can use them
 */
function authoritiesOf(lists: readonly Buffer[]): Set<string> {
  const names = new Set<string>()
  for (const list of lists) {
    const parts = listParts(list)
    if (parts === null) throw new Error('crl: not a list')
    if (names.has(parts.issuer)) throw new Error('crl: several of one authority')
    if (!(parts.issued <= Date.now())) throw new Error('crl: not yet valid')
    names.add(parts.issuer)
  }
  return names
}

/** The certificates to trust, and the lists that revoke some. */
export interface Trusted {
  /** The option `ca`: certificates in DER, null for Node's own. */
  readonly ca: readonly Buffer[] | null
  /** Certificates in DER that are trusted in addition: those of the option `pfx`. */
  readonly more: readonly Buffer[]
  /** The option `crl`: texts in PEM, as strings or bytes. */
  readonly crl: unknown
}

/** @throws an Error whose message is the reason why only OpenSSL can use them */
export function trustIn({ ca, more, crl }: Trusted, purpose: Purpose): Trust {
  // An empty array is no list.
  const given: unknown[] = Array.isArray(crl) ? crl : crl ? [crl] : []
  const lists = given.map((one) => {
    // Like OpenSSL, take only the first list of a text.
    const [list] = listsIn(textOf(one, 'crl'))
    if (list === undefined) throw new Error('crl: not in PEM')
    return list
  })
  if (ca === null && more.length === 0 && lists.length === 0) return defaultTrust(purpose)
  return new Trust([...(ca ?? defaultCertificates()), ...more], lists, purpose)
}
