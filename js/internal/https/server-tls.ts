/** The TLS of one server as an I/O thread has it: the server's own, and that of the contexts that the program chooses by names. */
import { createHash } from 'node:crypto'
import tls, { type TlsOptions } from 'node:tls'

import type { NativeTls } from '../../server.js'
import { originOf, type Origin } from './contexts.js'
import type { NameCallback } from './hello.js'
import {
  EVENTS,
  foreignOption,
  nativeTls,
  plainContext,
  type Context,
  type Secured,
  type TlsMembers,
} from './options.js'

const HANDSHAKE_TIMEOUT = 120_000

type Server = tls.Server & TlsMembers & { readonly ALPNCallback?: unknown; readonly sessionIdContext?: string }

/** The TLS of a context, and what it was made from. */
interface Made {
  readonly base: Secured
  readonly version: number
  readonly secured: Secured | string
}

export class ServerTls {
  /** The program knows the keys of the server's tickets, or has decided how long they are valid. */
  knowsTicketKeys = false
  /** The contexts that the program has added, the oldest first. */
  readonly contexts: Context[] = []
  /** Null before the server listens on an I/O thread. */
  own: Secured | null = null
  readonly #server: Server
  readonly #options: TlsOptions
  /** Whether JavaScript, and not the I/O thread, finds the context of a name. */
  #findsContexts = false
  readonly #made = new WeakMap<object, Made>()

  constructor(server: object, options: TlsOptions) {
    this.#server = server as Server
    this.#options = options
  }

  /** Returns the TLS for the server's current options and listeners, or the reason why node:tls is needed. */
  prepare(): NativeTls | string {
    const server = this.#server
    const options = this.#options
    // Windows has no descriptors of sockets, so the server could not change to node:tls later.
    if (process.platform === 'win32') return 'platform'
    // The first listener is that of tls.Server.
    if (server.listenerCount('connection') > 1) return "listener: 'connection'"
    const event = EVENTS.find((name) => server.listenerCount(name) > 0)
    if (event !== undefined) return `listener: '${event}'`
    const foreign = foreignOption(server, options)
    if (foreign !== undefined) return foreign
    // The program has changed the list itself.
    if ((server._contexts?.length ?? 0) !== this.contexts.length) return '_contexts'
    const hasCallback = typeof options.SNICallback === 'function'
    const plain = hasCallback ? [] : this.contexts.map(plainContext)
    const contexts = plain.filter((one) => one !== null)
    // With OpenSSL a context also decides which clients are trusted.
    this.#findsContexts = contexts.length < plain.length || (server.requestCert === true && plain.length > 0)
    const hasKeys = this.knowsTicketKeys || server.ticketKeys !== undefined || server.sessionTimeout !== undefined
    const own = nativeTls(server, {
      contexts: this.#findsContexts ? [] : contexts,
      ticketKeys: hasKeys ? this.#ticketKeys() : null,
      asks: { names: hasCallback || this.#findsContexts, protocols: typeof server.ALPNCallback === 'function' },
      logsKeys: server.listenerCount('keylog') > 0,
      issuers: server.ca,
      base: null,
    })
    if (typeof own === 'string') return own
    this.own = own
    return { tls: own.tls, handshakeTimeout: options.handshakeTimeout || HANDSHAKE_TIMEOUT }
  }

  /** As with OpenSSL, servers with another `sessionIdContext` do not resume each other's sessions. */
  #ticketKeys(): Buffer {
    const { sessionIdContext = '' } = this.#server
    const keys = tls.Server.prototype.getTicketKeys.call(this.#server)
    return createHash('sha384').update(keys).update(sessionIdContext).digest()
  }

  /** The function that chooses the context of a name. Null if the I/O thread does, or if there are no contexts. */
  get names(): NameCallback | null {
    const { SNICallback } = this.#options
    if (typeof SNICallback === 'function') return SNICallback as NameCallback
    if (!this.#findsContexts) return null
    const contexts = (this.#server._contexts ?? []) as readonly (readonly [RegExp, object])[]
    return (name, callback) => {
      const found = contexts.findLast(([pattern]) => pattern.test(name))
      callback(null, found?.[1])
    }
  }

  /** Returns the TLS of a context, or the reason why only OpenSSL can use it. */
  secure(context: object): Secured | string {
    const base = this.own
    const origin = originOf(context)
    if (origin === undefined || base === null) return 'secureContext'
    const last = this.#made.get(context)
    if (last?.base === base && last.version === origin.version) return last.secured
    const secured = this.#makeFor(origin, base)
    this.#made.set(context, { base, version: origin.version, secured })
    return secured
  }

  #makeFor(origin: Origin, base: Secured): Secured | string {
    if (origin.foreign !== null) return origin.foreign
    // As with OpenSSL nothing of a context without a certificate is used.
    if (origin.cert.length === 0 && origin.pfx.length === 0) return base
    // A context of `createSecureContext` has either the default certificates or its own. One that has both or neither was changed later.
    if (origin.hasRoots === origin.ca.length > 0) return 'ca: beside the default certificates'
    const { ca, cert, crl, key, pfx } = origin
    // As with OpenSSL all else is the server's.
    const { ALPNProtocols, ciphers, ecdhCurve, honorCipherOrder, maxVersion, minVersion } = this.#server
    const { rejectUnauthorized, requestCert } = this.#server
    const protocol = { ALPNProtocols, ciphers, ecdhCurve, honorCipherOrder, maxVersion, minVersion }
    const clients = { rejectUnauthorized, requestCert, ca: ca.length > 0 ? ca : undefined, crl }
    return nativeTls({ ...protocol, ...clients, cert, key, pfx } as TlsMembers, {
      contexts: [],
      ticketKeys: null,
      asks: { names: false, protocols: false },
      logsKeys: this.#server.listenerCount('keylog') > 0,
      // As with OpenSSL the server's certificates complete the chain, not those of the context.
      issuers: this.#server.ca,
      base: base.tls,
    })
  }
}
