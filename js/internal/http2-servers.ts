/** What `node-servers.ts` does for node:http2, where something has loaded it before the register module. */
import type http2 from 'node:http2'

import type { MessageClasses } from './node-servers.js'

type Create = (options: unknown, listener?: unknown) => http2.Http2SecureServer

interface Options extends MessageClasses {
  allowHTTP1?: unknown
  Http1IncomingMessage?: unknown
  Http1ServerResponse?: unknown
}

/** What to put in the place of http2.createSecureServer. */
export function http2Servers(module: typeof http2, classes: () => MessageClasses): { createSecureServer: Create } {
  const create = module.createSecureServer as unknown as Create
  return {
    createSecureServer: function createSecureServer(options, listener) {
      return create(withOurMessages(options, classes), listener)
    },
  }
}

/** Where Node takes the classes of `http1Options`, those come before these. */
function withOurMessages(options: unknown, classes: () => MessageClasses): unknown {
  const given = options as Options | null | undefined
  if (given?.allowHTTP1 !== true) return options
  const { IncomingMessage, ServerResponse } = classes()
  return {
    ...given,
    Http1IncomingMessage: given.Http1IncomingMessage ?? given.IncomingMessage ?? IncomingMessage,
    Http1ServerResponse: given.Http1ServerResponse ?? given.ServerResponse ?? ServerResponse,
  }
}
