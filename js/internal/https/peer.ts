/** The certificates that a peer has sent. */
import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'

import { splitCertificates } from './der.js'
import type { Trust } from './trust.js'

export class Peer {
  /** In DER, the peer's own first. */
  readonly chain: Buffer
  readonly #trust: Trust
  #certificates: readonly X509Certificate[] | null = null

  /** @param trust what the peer is judged by */
  constructor(chain: Buffer, trust: Trust) {
    this.chain = chain
    this.#trust = trust
  }

  /** The peer's own first. Those that node:crypto cannot read are left out. Empty if the peer's own is one of them. */
  get certificates(): readonly X509Certificate[] {
    this.#certificates ??= readable(splitCertificates(this.chain))
    return this.#certificates
  }

  /**
   * The peer's certificate as `getPeerCertificate` returns it.
   * @param detailed whether each certificate has that of its issuer, as far as it is known
   */
  described(detailed: boolean): PeerCertificate {
    const [own] = this.certificates
    if (own === undefined) return {} as PeerCertificate
    const first = own.toLegacyObject() as PeerCertificate & { issuerCertificate?: object }
    const seen = [own]
    for (let certificate = own, at = first; detailed; ) {
      const issuer = this.#issuerOf(certificate)
      if (issuer === undefined) break
      if (issuer === certificate) {
        at.issuerCertificate = at
        break
      }
      if (seen.some(({ raw }) => raw.equals(issuer.raw))) break
      seen.push(issuer)
      const next = issuer.toLegacyObject() as typeof first
      at.issuerCertificate = next
      certificate = issuer
      at = next
    }
    return first
  }

  #issuerOf(certificate: X509Certificate): X509Certificate | undefined {
    if (certificate.checkIssued(certificate)) return certificate
    const sent = this.certificates.find((one) => certificate.checkIssued(one))
    return sent ?? this.#trust.issuersOf(certificate, { verifications: 1 })[0]
  }
}

/** A peer chooses these bytes, and the I/O thread has only parsed those that it has needed. */
function readable([own, ...others]: readonly Buffer[]): X509Certificate[] {
  const first = own === undefined ? null : read(own)
  if (first === null) return []
  const all = [first, ...others.map(read).filter((one) => one !== null)]
  // As in Node each has the one that was sent after it. The class has no way to pass it.
  for (const [index, value] of all.slice(1).entries())
    Object.defineProperty(all[index]!, 'issuerCertificate', { value, configurable: true })
  return all
}

function read(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der)
  } catch {
    return null
  }
}
