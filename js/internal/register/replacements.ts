/** The members that the register module replaces in node:http and in its inner modules. */
import { globalAgent, type Agent as AgentInstance } from '../../agent.js'
import {
  checkInvalidHeaderChar,
  checkIsHttpToken,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from '../../common.js'
import type * as ferrohttp from '../../index.js'
import { connectionListener } from '../../server.js'
import type { Replacements } from './in-place.js'
import { kUniqueHeaders } from '../symbols.js'

/** `globalAgent` of node:http and `_http_agent`: assigning either changes both, and ours. */
const GLOBAL_AGENT: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get: () => globalAgent.current,
  set: (agent: AgentInstance) => {
    globalAgent.current = agent
  },
}

/** @param ours the exports of `require('ferrohttp')` */
export function replacements(ours: typeof ferrohttp): Replacements {
  const [Agent, ClientRequest, IncomingMessage] = [ours.Agent, ours.ClientRequest, ours.IncomingMessage].map(plain)
  const [OutgoingMessage, Server, ServerResponse] = [ours.OutgoingMessage, ours.Server, ours.ServerResponse].map(plain)
  return {
    http: {
      createServer: plain(ours.createServer),
      Server: Server!,
      IncomingMessage: IncomingMessage!,
      OutgoingMessage: OutgoingMessage!,
      ServerResponse: ServerResponse!,
      STATUS_CODES: plain(STATUS_CODES),
      Agent: Agent!,
      ClientRequest: ClientRequest!,
      request: plain(ours.request),
      get: plain(ours.get),
      globalAgent: GLOBAL_AGENT,
      setGlobalProxyFromEnv: plain(ours.setGlobalProxyFromEnv),
    },
    _http_agent: { Agent: Agent!, globalAgent: GLOBAL_AGENT },
    _http_client: { ClientRequest: ClientRequest! },
    _http_common: {
      _checkInvalidHeaderChar: plain(checkInvalidHeaderChar),
      _checkIsHttpToken: plain(checkIsHttpToken),
    },
    _http_incoming: { IncomingMessage: IncomingMessage! },
    _http_outgoing: {
      OutgoingMessage: OutgoingMessage!,
      validateHeaderName: plain(validateHeaderName),
      validateHeaderValue: plain(validateHeaderValue),
      kUniqueHeaders: plain(kUniqueHeaders),
    },
    _http_server: {
      Server: Server!,
      ServerResponse: ServerResponse!,
      STATUS_CODES: plain(STATUS_CODES),
      _connectionListener: plain(connectionListener),
    },
  }
}

function plain(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true }
}
