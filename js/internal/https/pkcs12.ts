/**
 * Reads PKCS #12 (RFC 7292), the form of the option `pfx`, with the ciphers of today: PBES2 with AES (RFC 8018). OpenSSL has checked its
 * MAC, and reads all others.
 */
import { createDecipheriv, createPrivateKey, pbkdf2Sync, X509Certificate, type KeyObject } from 'node:crypto'

import { element, elements, type Element } from './der.js'

export interface Bundle {
  readonly keys: readonly KeyObject[]
  readonly certificates: readonly X509Certificate[]
}

/** Object identifiers in DER, as hexadecimal text. */
const DATA = '2a864886f70d010701'
const ENCRYPTED_DATA = '2a864886f70d010706'
const KEY_BAG = '2a864886f70d010c0a0101'
const SHROUDED_KEY_BAG = '2a864886f70d010c0a0102'
const CERTIFICATE_BAG = '2a864886f70d010c0a0103'
const PBES2 = '2a864886f70d01050d'
const PBKDF2 = '2a864886f70d01050c'
const CIPHERS: Readonly<Record<string, readonly [name: string, keyBytes: number]>> = {
  '608648016503040102': ['aes-128-cbc', 16],
  '608648016503040116': ['aes-192-cbc', 24],
  '60864801650304012a': ['aes-256-cbc', 32],
}
const DIGESTS: Readonly<Record<string, string>> = {
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0208': 'sha224',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
}
const INTEGER = 2

/**
 * @throws an Error whose message is the reason why only OpenSSL can read it
 */
export function readPkcs12(der: Buffer, passphrase: string | undefined): Bundle {
  const keys: KeyObject[] = []
  const certificates: X509Certificate[] = []
  try {
    const [, safe] = partsOf(der, element(der, 0))
    for (const bag of bagsOf(contentsOf(der, safe!), passphrase)) add(bag, passphrase, keys, certificates)
  } catch (error) {
    throw new Error(error instanceof Foreign ? `pfx: ${error.message}` : 'pfx: not as RFC 7292 has it')
  }
  return { keys, certificates }
}

/** Something that only OpenSSL has. */
class Foreign extends Error {}

interface Bag {
  readonly kind: string
  /** In DER. */
  readonly value: Buffer
}

/** @param safes ContentInfo values in a sequence, each of which has bags, encrypted or not */
function* bagsOf(safes: Buffer, passphrase: string | undefined): Generator<Bag> {
  for (const info of elements(safes, element(safes, 0))) {
    const [kind] = partsOf(safes, info)
    const inner = idOf(safes, kind!) === ENCRYPTED_DATA ? decrypted(safes, info, passphrase) : contentsOf(safes, info)
    for (const bag of elements(inner, element(inner, 0))) {
      const [id, wrapped] = partsOf(inner, bag)
      yield { kind: idOf(inner, id!), value: inner.subarray(wrapped!.start, wrapped!.end) }
    }
  }
}

function add(
  { kind, value }: Bag,
  passphrase: string | undefined,
  keys: KeyObject[],
  certificates: X509Certificate[],
): void {
  if (kind === KEY_BAG) {
    keys.push(createPrivateKey({ key: value, format: 'der', type: 'pkcs8' }))
  } else if (kind === SHROUDED_KEY_BAG) {
    const [algorithm] = partsOf(value, element(value, 0))
    // node:crypto has the cipher, if it is one of PBES2.
    if (idOf(value, partsOf(value, algorithm!)[0]!) !== PBES2) throw new Foreign('cipher')
    keys.push(createPrivateKey({ key: value, format: 'der', type: 'pkcs8', passphrase: passphrase ?? '' }))
  } else if (kind === CERTIFICATE_BAG) {
    const [, wrapped] = partsOf(value, element(value, 0))
    const { start, end } = element(value, wrapped!.start)
    certificates.push(new X509Certificate(value.subarray(start, end)))
  }
}

/** The bytes of a ContentInfo that is not encrypted. */
function contentsOf(der: Buffer, info: Element): Buffer {
  const [kind, wrapped] = partsOf(der, info)
  if (idOf(der, kind!) !== DATA) throw new Foreign(`contents ${idOf(der, kind!)}`)
  const { start, end } = element(der, wrapped!.start)
  return der.subarray(start, end)
}

/** The bytes of an encrypted ContentInfo. */
function decrypted(der: Buffer, info: Element, passphrase: string | undefined): Buffer {
  const [, wrapped] = partsOf(der, info)
  const [, contents] = partsOf(der, element(der, wrapped!.start))
  const [, algorithm, encrypted] = partsOf(der, contents!)
  const [scheme, parameters] = partsOf(der, algorithm!)
  if (idOf(der, scheme!) !== PBES2) throw new Foreign('cipher')
  const [derivation, cipher] = partsOf(der, parameters!)
  const [name, keyBytes] = named(CIPHERS, der, partsOf(der, cipher!)[0]!)
  const iv = partsOf(der, cipher!)[1]!
  const key = derived(der, derivation!, passphrase ?? '', keyBytes)
  const decipher = createDecipheriv(name, key, der.subarray(iv.start, iv.end))
  return Buffer.concat([decipher.update(der.subarray(encrypted!.start, encrypted!.end)), decipher.final()])
}

function derived(der: Buffer, derivation: Element, passphrase: string, keyBytes: number): Buffer {
  const [id, parameters] = partsOf(der, derivation)
  if (idOf(der, id!) !== PBKDF2) throw new Foreign('key derivation')
  const [salt, iterations, ...rest] = partsOf(der, parameters!)
  // The length of the key may precede.
  const algorithm = rest.find(({ tag }) => tag !== INTEGER)
  const digest = algorithm === undefined ? 'sha1' : named(DIGESTS, der, partsOf(der, algorithm)[0]!)
  const count = der.readUIntBE(iterations!.start, iterations!.end - iterations!.start)
  return pbkdf2Sync(passphrase, der.subarray(salt!.start, salt!.end), count, keyBytes, digest)
}

function named<T>(names: Readonly<Record<string, T>>, der: Buffer, id: Element): T {
  const found = names[idOf(der, id)]
  if (found === undefined) throw new Foreign(`cipher ${idOf(der, id)}`)
  return found
}

function partsOf(der: Buffer, whole: Element): Element[] {
  return [...elements(der, whole)]
}

function idOf(der: Buffer, { start, end }: Element): string {
  return der.toString('hex', start, end)
}
