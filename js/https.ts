/** `require('ferrohttp/https')`: has the members of `require('node:https')`. Assembles and exports, no logic. */
import type * as https from 'node:https'

// First, because it completes the replacement of node:http that the register module has begun.
import './index.js'

import * as core from './https-core.js'

/**
 * A new `Server`; the listener is added to 'request'. Throws what `tls.createServer` and `http.createServer` throw for options.
 * Node doc heading "https.createServer([options][, requestListener])".
 */
export const createServer = core.createServer as unknown as typeof https.createServer
/** A server of HTTP/1.1 over TLS. Node doc heading "Class: https.Server". */
export const Server = core.Server as unknown as typeof https.Server
/** An `http.Agent` whose connections are TLS. Node doc heading "Class: https.Agent". */
export const Agent = core.Agent as unknown as typeof https.Agent
/** As `http.request`, over TLS. Node doc heading "https.request(options[, callback])". */
export const request = core.request as unknown as typeof https.request
/** As `request`, of method GET and ended. Node doc heading "https.get(options[, callback])". */
export const get = core.get as unknown as typeof https.get
/** Assigning it changes the agent of every later request that names none. */
export let globalAgent: https.Agent
// Not `defineProperty`: `import { globalAgent }` would not find an accessor that is defined by it.
Object.defineProperties(exports, {
  globalAgent: {
    configurable: true,
    enumerable: true,
    get: () => core.globalAgent.current,
    set: (agent: core.SecureAgent) => {
      core.globalAgent.current = agent
    },
  },
})
// Completes the replacement of node:https, if the register module has begun it.
core.finishHttps(exports)

// The types of the classes' instances, under the names of the classes.
export type Server<
  Request extends typeof import('node:http').IncomingMessage = typeof import('node:http').IncomingMessage,
  Response extends typeof import('node:http').ServerResponse<
    InstanceType<Request>
  > = typeof import('node:http').ServerResponse,
> = https.Server<Request, Response>
export type Agent = https.Agent
export type { AgentOptions, RequestOptions, ServerOptions } from 'node:https'
