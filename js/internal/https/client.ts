/** `https.request` and `https.get` (Node 24: lib/https.js). Their requests are those of `http`, with another agent. */
import tls from 'node:tls'
import type { RequestOptions } from 'node:https'

import type { ClientRequest as Request, ResponseListener } from '../../client.js'
import { ClientRequest, requestOptions } from '../../core.js'
import { globalAgent, kIdentityCheck } from './agent.js'
import type { ClientOptions } from '../client/options.js'

export type SecureClientOptions = ClientOptions & Omit<RequestOptions, keyof ClientOptions>

type Input = string | URL | SecureClientOptions

/** Number of requests so far that had a `checkServerIdentity` of their own. */
let identityChecks = 0

export function request(
  input: Input,
  given?: SecureClientOptions | ResponseListener,
  callback?: ResponseListener,
): Request {
  const [parsed, listener] = requestOptions(input, given, callback)
  const options = parsed as SecureClientOptions & { [kIdentityCheck]?: number }
  const check = options.checkServerIdentity
  // Other requests may not accept the connection that this one accepts, so the name of the connection is its own.
  if (check !== undefined && check !== tls.checkServerIdentity && !agentChecks(options))
    options[kIdentityCheck] = ++identityChecks
  options._defaultAgent = globalAgent.current
  return constructing['node:https:request'](options, listener)
}

const constructing = {
  /** Agents made of agent-base look for this name in the stack to learn that a request is one of https. */
  'node:https:request'(options: SecureClientOptions, listener: ResponseListener | undefined): Request {
    return new ClientRequest(options, listener)
  },
}

export function get(
  input: Input,
  options?: SecureClientOptions | ResponseListener,
  callback?: ResponseListener,
): Request {
  const made = request(input, options, callback)
  made.end()
  return made
}

/** Whether the agent's own check replaces the request's. */
function agentChecks(options: ClientOptions): boolean {
  if (options.agent === false) return false
  const agent = options.agent ?? (typeof options.createConnection === 'function' ? null : globalAgent.current)
  return (
    ((agent as { options?: unknown } | null)?.options as SecureClientOptions | undefined)?.checkServerIdentity !==
    undefined
  )
}
