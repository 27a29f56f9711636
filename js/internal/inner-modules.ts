/**
 * The modules that node:http consists of (`_http_agent` and others). Node does not document them, but mocks and instrumentation
 * require them and replace methods of their classes. Under the register module their classes are ours, too.
 */
import { globalAgent, Agent, type Agent as AgentInstance } from '../agent.js'
import { ClientRequest } from '../client.js'
import {
  checkInvalidHeaderChar,
  checkIsHttpToken,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from '../common.js'
import { IncomingMessage } from '../incoming.js'
import { OutgoingMessage } from '../outgoing.js'
import { ServerResponse } from '../response.js'
import { connectionListener, Server } from '../server.js'
import { kUniqueHeaders } from './symbols.js'

/** The exports of each module that are replaced by ours. The others concern Node's parser and stay. */
const MEMBERS: Record<string, Record<string, unknown>> = {
  _http_agent: { Agent },
  _http_client: { ClientRequest },
  _http_common: { _checkInvalidHeaderChar: checkInvalidHeaderChar, _checkIsHttpToken: checkIsHttpToken },
  _http_incoming: { IncomingMessage },
  _http_outgoing: { OutgoingMessage, validateHeaderName, validateHeaderValue, kUniqueHeaders },
  _http_server: { Server, ServerResponse, STATUS_CODES, _connectionListener: connectionListener },
}

/** Defines `globalAgent` so that an assignment changes `http.globalAgent`, too. */
const GLOBAL_AGENT: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get: () => globalAgent.current,
  set: (agent: AgentInstance) => {
    globalAgent.current = agent
  },
}

/** Replaces exports, where this Node has the module and the name. */
export function replaceInnerModules(): void {
  for (const [name, members] of Object.entries(MEMBERS)) {
    const inner = load(name)
    if (inner === undefined) continue
    for (const [member, value] of Object.entries(members)) {
      if (member in inner)
        Object.defineProperty(inner, member, { value, writable: true, enumerable: true, configurable: true })
    }
    if ('globalAgent' in inner) Object.defineProperty(inner, 'globalAgent', GLOBAL_AGENT)
  }
}

/** Requires a module without Node's deprecation warning, which is meant for programs. */
function load(name: string): object | undefined {
  // With `--no-deprecation` the property is true and read only.
  if (process.noDeprecation) return process.getBuiltinModule(name)
  process.noDeprecation = true
  try {
    return process.getBuiltinModule(name)
  } finally {
    delete (process as { noDeprecation?: boolean }).noDeprecation
  }
}
