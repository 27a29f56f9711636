/** Reads the parts of certificates in DER (RFC 5280 section 4.1) that node:crypto does not show. */

/** One value: its tag, and where its contents are. */
interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

/** The parts of a certificate that decide about its use. */
export interface CertificateParts {
  /** The names in DER, as latin1 text, so that they can be keys of a map. */
  readonly issuer: string
  readonly subject: string
  /** Values of the extensions by their identifiers in DER, as hexadecimal text. */
  readonly extensions: ReadonlyMap<string, Buffer>
}

/** Identifiers of extensions. */
export const KEY_USAGE = '551d0f'
export const NAME_CONSTRAINTS = '551d1e'

const VERSION = 0xa0
const EXTENSIONS = 0xa3
const BOOLEAN = 1
/** Longest form of a length that certificates have, in bytes. */
const LONGEST = 4

/** @throws RangeError where `der` ends too early */
function element(der: Buffer, at: number): Element {
  const tag = der.readUInt8(at)
  const first = der.readUInt8(at + 1)
  if (first < 0x80) return bounded(der, { tag, start: at + 2, end: at + 2 + first })
  const bytes = first & 0x7f
  if (bytes === 0 || bytes > LONGEST) throw new RangeError('length')
  const start = at + 2 + bytes
  return bounded(der, { tag, start, end: start + der.readUIntBE(at + 2, bytes) })
}

function bounded(der: Buffer, read: Element): Element {
  if (read.end > der.length) throw new RangeError('length')
  return read
}

function* elements(der: Buffer, { start, end }: Element): Generator<Element & { at: number }> {
  for (let at = start; at < end; ) {
    const next = element(der, at)
    yield { at, ...next }
    at = next.end
  }
}

/** Splits certificates that follow each other. */
export function splitCertificates(chain: Buffer): Buffer[] {
  const certificates: Buffer[] = []
  for (const { at, end } of elements(chain, { tag: 0, start: 0, end: chain.length }))
    certificates.push(chain.subarray(at, end))
  return certificates
}

/** Null for something other than a certificate. */
export function partsOf(der: Buffer): CertificateParts | null {
  try {
    const whole = element(der, 0)
    const fields = [...elements(der, element(der, whole.start))]
    const [, , issuer, , subject] = fields[0]!.tag === VERSION ? fields.slice(1) : fields
    const extensions = fields.find(({ tag }) => tag === EXTENSIONS)
    return {
      issuer: der.toString('latin1', issuer!.at, issuer!.end),
      subject: der.toString('latin1', subject!.at, subject!.end),
      extensions: new Map(extensions === undefined ? [] : extensionsOf(der, extensions)),
    }
  } catch {
    return null
  }
}

function* extensionsOf(der: Buffer, wrapped: Element): Generator<[string, Buffer]> {
  for (const extension of elements(der, element(der, wrapped.start))) {
    const [id, ...rest] = elements(der, extension)
    const value = rest.find(({ tag }) => tag !== BOOLEAN)
    if (id !== undefined && value !== undefined)
      yield [der.toString('hex', id.start, id.end), der.subarray(value.start, value.end)]
  }
}

const CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([\s\S]+?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/** The certificates of a text in PEM, in DER. */
export function certificatesIn(pem: string): Buffer[] {
  return Array.from(pem.matchAll(CERTIFICATE), ([, encoded]) => Buffer.from(encoded!, 'base64'))
}
