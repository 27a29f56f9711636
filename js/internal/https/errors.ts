/** Makes the errors of TLS on I/O threads, with the codes that Node gives to OpenSSL's. */
import { connectionReset, ERR_TLS_HANDSHAKE_TIMEOUT } from '../../core.js'
import * as r from '../../native/records.js'

/** Reasons of OpenSSL's library for SSL, by their numbers. */
const REASONS: Readonly<Record<number, string>> = {
  68: 'internal error',
  101: 'no suitable key share',
  110: 'bad extension',
  118: 'no suitable signature algorithm',
  132: 'too many key updates',
  155: 'https proxy request',
  156: 'http request',
  159: 'length mismatch',
  193: 'no shared cipher',
  198: 'packet length too long',
  235: 'no application protocol',
  244: 'unexpected message',
  258: 'unsupported protocol',
  267: 'wrong version number',
  281: 'decryption failed or bad record mac',
  298: 'record too small',
  409: 'too many warn alerts',
}

/** Alerts received from the peer, by number. OpenSSL's names begin with the version that introduced the alert. */
const ALERTS: Readonly<Record<number, string>> = {
  10: 'sslv3 alert unexpected message',
  20: 'sslv3 alert bad record mac',
  21: 'tlsv1 alert decryption failed',
  22: 'tlsv1 alert record overflow',
  30: 'sslv3 alert decompression failure',
  40: 'sslv3 alert handshake failure',
  41: 'sslv3 alert no certificate',
  42: 'sslv3 alert bad certificate',
  43: 'sslv3 alert unsupported certificate',
  44: 'sslv3 alert certificate revoked',
  45: 'sslv3 alert certificate expired',
  46: 'sslv3 alert certificate unknown',
  47: 'sslv3 alert illegal parameter',
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

const ALERT = 1000
const LIBRARY = 'SSL routines'

/** @param number see `TlsFailed` in `crates/net/src/crossing/layout.rs` */
export function tlsError(number: number): Error {
  if (number === r.TLS_HANG_UP) return connectionReset('socket hang up')
  if (number === r.TLS_TIMEOUT) return ERR_TLS_HANDSHAKE_TIMEOUT()
  const alert = number >= ALERT ? ALERTS[number - ALERT] : undefined
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
