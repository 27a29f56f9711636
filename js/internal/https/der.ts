/** Reads the parts of certificates in DER (RFC 5280 section 4.1) that node:crypto does not show. */

/** One value: its tag, and where its contents are. */
export interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

/** The parts of a certificate that decide about its use. */
export interface CertificateParts {
  /** Such certificates have no extensions. */
  readonly isVersion1: boolean
  /** The names in DER, as latin1 text, so that they can be keys of a map. */
  readonly issuer: string
  readonly subject: string
  /** The identifier of the signature's algorithm in DER, as hexadecimal text. */
  readonly algorithm: string
  /** Values of the extensions by their identifiers in DER, as hexadecimal text. */
  readonly extensions: ReadonlyMap<string, Buffer>
}

/** Identifiers of extensions. */
export const KEY_USAGE = '551d0f'
export const BASIC_CONSTRAINTS = '551d13'
export const NAME_CONSTRAINTS = '551d1e'
/** Of Netscape, before extended key usages. OpenSSL still obeys it. */
const CERTIFICATE_TYPE = '6086480186f8420101'

/** In the first byte of a key usage. */
export const KEY_CERT_SIGN = 0x04

const VERSION = 0xa0
const EXTENSIONS = 0xa3
const BOOLEAN = 1
const INTEGER = 2
const UTC_TIME = 23
/** Longest form of a length that certificates have, in bytes. */
const LONGEST = 4

/** @throws RangeError where `der` ends too early */
export function element(der: Buffer, at: number): Element {
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

export function* elements(der: Buffer, { start, end }: Element): Generator<Element & { at: number }> {
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
    const [signed, algorithm] = [...elements(der, whole)]
    const fields = [...elements(der, signed!)]
    const isVersion1 = fields[0]!.tag !== VERSION
    const [, , issuer, , subject] = isVersion1 ? fields : fields.slice(1)
    const extensions = fields.find(({ tag }) => tag === EXTENSIONS)
    const identifier = element(der, algorithm!.start)
    return {
      isVersion1,
      algorithm: der.toString('hex', identifier.start, identifier.end),
      issuer: der.toString('latin1', issuer!.at, issuer!.end),
      subject: der.toString('latin1', subject!.at, subject!.end),
      extensions: new Map(extensions === undefined ? [] : extensionsOf(der, extensions)),
    }
  } catch {
    return null
  }
}

/** The parts of a list of revoked certificates (RFC 5280 section 5.1) that decide which certificates it is for. */
export interface ListParts {
  /** The name in DER, as latin1 text. */
  readonly issuer: string
  /** When it was issued, in milliseconds since 1970. */
  readonly issued: number
}

/** Null for something other than a list. */
export function listParts(der: Buffer): ListParts | null {
  try {
    const [signed] = [...elements(der, element(der, 0))]
    const fields = [...elements(der, signed!)]
    const isVersion1 = fields[0]!.tag !== INTEGER
    const [, issuer, issued] = isVersion1 ? fields : fields.slice(1)
    return {
      issuer: der.toString('latin1', issuer!.at, issuer!.end),
      issued: timeOf(der.toString('latin1', issued!.start, issued!.end), issued!.tag),
    }
  } catch {
    return null
  }
}

/** UTCTime `YYMMDDhhmmssZ`, of the years from 1950 to 2049, or GeneralizedTime `YYYYMMDDhhmmssZ`. NaN for another form. */
function timeOf(text: string, tag: number): number {
  const century = tag !== UTC_TIME ? '' : text >= '50' ? '19' : '20'
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text) ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function* extensionsOf(der: Buffer, wrapped: Element): Generator<[string, Buffer]> {
  for (const extension of elements(der, element(der, wrapped.start))) {
    const [id, ...rest] = elements(der, extension)
    const value = rest.find(({ tag }) => tag !== BOOLEAN)
    if (id !== undefined && value !== undefined)
      yield [der.toString('hex', id.start, id.end), der.subarray(value.start, value.end)]
  }
}

/** Whether the key usage is absent or names one of `usages`, bits of its first byte. */
export function allowsUsage({ extensions }: CertificateParts, usages: number): boolean {
  return hasBit(extensions.get(KEY_USAGE), usages)
}

/** Whether Netscape's certificate type is absent or names one of `types`, bits of its first byte. */
export function allowsType({ extensions }: CertificateParts, types: number): boolean {
  return hasBit(extensions.get(CERTIFICATE_TYPE), types)
}

/** @param text a bit string: tag, length, number of unused bits, bits */
function hasBit(text: Buffer | undefined, bits: number): boolean {
  return text === undefined || ((text[3] ?? 0) & bits) !== 0
}
