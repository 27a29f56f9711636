/** The part of `node-servers.ts` for a node:http2 that was loaded before the register module. */
import type http2 from 'node:http2'

import type { MessageClasses } from './node-servers.js'

type Create = (options: unknown, listener?: unknown) => http2.Http2SecureServer

interface Options extends MessageClasses {
  allowHTTP1?: unknown
  Http1IncomingMessage?: unknown
  Http1ServerResponse?: unknown
}

/** The replacement of http2.createSecureServer. */
export function http2Servers(module: typeof http2, classes: () => MessageClasses): { createSecureServer: Create } {
  const create = module.createSecureServer as unknown as Create
  return {
    createSecureServer: function createSecureServer(options, listener) {
      return create(withOurMessages(options, classes), listener)
    },
  }
}

/** Where Node reads the classes in `http1Options`, those have precedence. */
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
