/** Makes the errors of TLS on I/O threads, with the codes that Node gives to OpenSSL's. */
import { connectionReset, ERR_TLS_HANDSHAKE_TIMEOUT, systemError } from '../../core.js'
import * as r from '../../native/records.js'

/** Reasons of OpenSSL's library for SSL, by their numbers. */
const REASONS: Readonly<Record<number, string>> = {
  68: 'internal error',
  101: 'no suitable key share',
  110: 'bad extension',
  118: 'no suitable signature algorithm',
  123: 'bad signature',
  132: 'too many key updates',
  152: 'excessive message size',
  155: 'https proxy request',
  156: 'http request',
  159: 'length mismatch',
  193: 'no shared cipher',
  198: 'packet length too long',
  199: 'peer did not return a certificate',
  235: 'no application protocol',
  244: 'unexpected message',
  258: 'unsupported protocol',
  266: 'wrong ssl version',
  267: 'wrong version number',
  281: 'decryption failed or bad record mac',
  298: 'record too small',
  339: 'no renegotiation',
  409: 'too many warn alerts',
}

/** Alerts received from the peer, by number. OpenSSL's names begin with the version that introduced the alert, or `OLDEST`. */
const ALERTS: Readonly<Record<number, string>> = {
  10: 'ssl/tls alert unexpected message',
  20: 'ssl/tls alert bad record mac',
  21: 'tlsv1 alert decryption failed',
  22: 'tlsv1 alert record overflow',
  30: 'ssl/tls alert decompression failure',
  40: 'ssl/tls alert handshake failure',
  41: 'ssl/tls alert no certificate',
  42: 'ssl/tls alert bad certificate',
  43: 'ssl/tls alert unsupported certificate',
  44: 'ssl/tls alert certificate revoked',
  45: 'ssl/tls alert certificate expired',
  46: 'ssl/tls alert certificate unknown',
  47: 'ssl/tls alert illegal parameter',
  48: 'tlsv1 alert unknown ca',
  49: 'tlsv1 alert access denied',
  50: 'tlsv1 alert decode error',
  51: 'tlsv1 alert decrypt error',
  60: 'tlsv1 alert export restriction',
  70: 'tlsv1 alert protocol version',
  71: 'tlsv1 alert insufficient security',
  80: 'tlsv1 alert internal error',
  86: 'tlsv1 alert inappropriate fallback',
  90: 'tlsv1 alert user cancelled',
  100: 'tlsv1 alert no renegotiation',
  109: 'tlsv13 alert missing extension',
  110: 'tlsv1 unsupported extension',
  111: 'tlsv1 certificate unobtainable',
  112: 'tlsv1 unrecognized name',
  113: 'tlsv1 bad certificate status response',
  114: 'tlsv1 bad certificate hash value',
  115: 'tlsv1 alert unknown psk identity',
  116: 'tlsv13 alert certificate required',
  120: 'tlsv1 alert no application protocol',
}

const OLDEST = 'ssl/tls'
const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
/** OpenSSL's name of the oldest version. */
const oldest = major > 3 || (major === 3 && minor >= 2) ? OLDEST : 'sslv3'

const LIBRARY = 'SSL routines'

/** @param number see `TlsFailed` in `crates/net/src/crossing/layout.rs` */
export function tlsError(number: number): Error {
  if (number === r.TLS_HANG_UP) return connectionReset('socket hang up')
  if (number === r.TLS_TIMEOUT) return ERR_TLS_HANDSHAKE_TIMEOUT()
  const alert = number >= r.TLS_ALERT ? ALERTS[number - r.TLS_ALERT]?.replace(OLDEST, oldest) : undefined
  const reason = alert ?? REASONS[number] ?? `reason(${number})`
  const text = (0x0a000000 + number).toString(16).toUpperCase().padStart(8, '0')
  const error = new Error(`error:${text}:${LIBRARY}::${reason}`)
  Error.captureStackTrace(error, tlsError)
  return Object.assign(error, {
    library: LIBRARY,
    reason,
    code: `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`,
  })
}

/** The error of a write that was waiting for the handshake when TLS failed, as of a system call. */
export function failedWrite(error: Error): Error {
  const failed = systemError('EPROTO', 'write')
  failed.message = `write EPROTO ${error.message}`
  return failed
}
