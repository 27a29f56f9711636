/** Reads certificates in PEM, the form in which options pass them. */

const CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([\s\S]+?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/** The certificates of a text in PEM, in DER. Settings of OpenSSL may follow those that are TRUSTED. */
export function certificatesIn(pem: string): Buffer[] {
  return Array.from(pem.matchAll(CERTIFICATE), ([, encoded]) => Buffer.from(encoded!, 'base64'))
}

const LIST = /-----BEGIN X509 CRL-----([\s\S]+?)-----END X509 CRL-----/g

/** The lists of revoked certificates of a text in PEM, in DER. */
export function listsIn(pem: string): Buffer[] {
  return Array.from(pem.matchAll(LIST), ([, encoded]) => Buffer.from(encoded!, 'base64'))
}

/** The bytes of a view, which are shared and not copied. */
export function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}

/**
 * @param option its name
 * @throws an Error whose message is the reason why `given` is no text in PEM
 */
export function textOf(given: unknown, option: string): string {
  if (typeof given === 'string') return given
  if (ArrayBuffer.isView(given)) return bytesOf(given).toString('latin1')
  throw new Error(`${option}: neither text nor bytes`)
}
