/**
 * node:http2 under the register module: servers stay Node's, the messages of HTTP/1 requests (`allowHTTP1`) are of our classes,
 * for the reason in `https-servers.ts`.
 */
import http2 from 'node:http2'

import { IncomingMessage } from '../incoming.js'
import { ServerResponse } from '../response.js'

type Create = (options: unknown, listener?: unknown) => http2.Http2SecureServer

interface MessageClasses {
  allowHTTP1?: unknown
  IncomingMessage?: unknown
  ServerResponse?: unknown
  Http1IncomingMessage?: unknown
  Http1ServerResponse?: unknown
}

/** Makes the replacement of http2.createSecureServer. */
export function http2Servers(): { createSecureServer: Create } {
  const create = http2.createSecureServer as unknown as Create
  return {
    createSecureServer: function createSecureServer(options, listener) {
      return create(withOurMessages(options), listener)
    },
  }
}

/** Classes in `http1Options` win over ours where this Node reads them. */
function withOurMessages(options: unknown): unknown {
  const given = options as MessageClasses | null | undefined
  if (given?.allowHTTP1 !== true) return options
  return {
    ...given,
    Http1IncomingMessage: given.Http1IncomingMessage ?? given.IncomingMessage ?? IncomingMessage,
    Http1ServerResponse: given.Http1ServerResponse ?? given.ServerResponse ?? ServerResponse,
  }
}
