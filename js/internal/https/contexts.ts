/**
 * The origins of the program's contexts of OpenSSL (`tls.createSecureContext`). OpenSSL shows no private key of a context, so the calls
 * that make one are recorded. Contexts that are older than this module are of unknown origin.
 */
import tls from 'node:tls'

import type { Given } from './identities.js'
import { bytesOf } from './pem.js'

/** The arguments of the calls, under the names of the options of `tls.createSecureContext` that cause them. */
export interface Origin extends Given {
  readonly ca: unknown[]
  readonly cert: unknown[]
  readonly crl: unknown[]
  readonly key: { pem: unknown; passphrase: string | undefined }[]
  readonly pfx: { buf: unknown; passphrase: string | undefined }[]
  /** Node's own certificates are trusted. */
  hasRoots: boolean
  /** The last call that only OpenSSL supports, null for none. */
  foreign: string | null
  /** Number of calls that have made or changed the context. */
  version: number
}

type Method = (this: object, ...args: unknown[]) => unknown

/** How the calls of a context change its origin. */
const RECORDED: Readonly<Record<string, (origin: Origin, args: readonly unknown[]) => void>> = {
  addCACert: ({ ca }, [pem]) => void ca.push(pem),
  addRootCerts: (origin) => void (origin.hasRoots = true),
  addCRL: ({ crl }, [pem]) => void crl.push(pem),
  setCert: ({ cert }, [pem]) => void cert.push(pem),
  setKey: ({ key }, [pem, passphrase]) => void key.push({ pem, passphrase: textOrNone(passphrase) }),
  loadPKCS12: ({ pfx }, [buf, passphrase]) => void pfx.push({ buf, passphrase: textOrNone(passphrase) }),
}

/**
 * Calls that do not change how a context is used here: of a context that a name selects, only certificates and trusted authorities are
 * used. A call that is neither recorded nor in this list makes the context foreign.
 */
const NEUTRAL: ReadonlySet<string> = new Set([
  ...['constructor', 'close', 'enableTicketKeyCallback', 'getCertificate', 'getIssuer', 'getMaxProto', 'getMinProto'],
  ...['getTicketKeys', 'init', 'setCiphers', 'setCipherSuites', 'setDHParam', 'setECDHCurve', 'setFreeListLength'],
  ...['setMaxProto', 'setMinProto', 'setOptions', 'setSessionIdContext', 'setSessionTimeout', 'setSigalgs'],
  ...['setTicketKeys'],
])

const origins = new WeakMap<object, Origin>()

const { SecureContext } = tls as unknown as { SecureContext: new () => { context: object } }
/** The prototype of the contexts themselves, which objects of tls.SecureContext have as `context`. */
const prototype = Object.getPrototypeOf(new SecureContext().context) as Record<string, Method>

function replace(name: string, method: Method): void {
  Object.defineProperty(method, 'name', { value: name })
  prototype[name] = method
}

const { init } = prototype
if (init !== undefined) {
  replace('init', function (...args) {
    const result = Reflect.apply(init, this, args)
    origins.set(this, newOrigin())
    return result
  })
}
for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
  if (typeof value === 'function' && !NEUTRAL.has(name)) record(name, value as Method)
}

function record(name: string, original: Method): void {
  const note = RECORDED[name] ?? ((origin: Origin) => void (origin.foreign = name))
  replace(name, function (...args) {
    // Copies, because the program may change bytes after the call.
    const copies = args.map((value) => (ArrayBuffer.isView(value) ? Buffer.from(bytesOf(value)) : value))
    const result = Reflect.apply(original, this, args)
    const origin = origins.get(this)
    if (origin !== undefined) {
      note(origin, copies)
      origin.version++
    }
    return result
  })
}

function newOrigin(): Origin {
  return { ca: [], cert: [], crl: [], key: [], pfx: [], hasRoots: false, foreign: null, version: 0 }
}

function textOrNone(passphrase: unknown): string | undefined {
  if (typeof passphrase === 'string') return passphrase
  return ArrayBuffer.isView(passphrase) ? bytesOf(passphrase).toString() : undefined
}

/** @returns the native context of what a program passes for one, null for another object */
export function nativeContext(given: object): object | null {
  return Object.getPrototypeOf(given) === prototype ? given : null
}

/** Undefined for a context of unknown origin. */
export function originOf(context: object): Origin | undefined {
  return origins.get(context)
}
