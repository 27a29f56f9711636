/**
 * The modules that node:http is made of. Node does not document them, and programs require them nevertheless: mockers
 * and instrumentation replace methods of their classes. Under the register module their classes are ours, too.
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

/** What each of them has of ours. The rest is about Node's parser and stays. */
const MEMBERS: Record<string, Record<string, unknown>> = {
  _http_agent: { Agent },
  _http_client: { ClientRequest },
  _http_common: { _checkInvalidHeaderChar: checkInvalidHeaderChar, _checkIsHttpToken: checkIsHttpToken },
  _http_incoming: { IncomingMessage },
  _http_outgoing: { OutgoingMessage, validateHeaderName, validateHeaderValue, kUniqueHeaders },
  _http_server: { Server, ServerResponse, STATUS_CODES, _connectionListener: connectionListener },
}

/** As `http.globalAgent`: assigning either changes both. */
const GLOBAL_AGENT: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get: () => globalAgent.current,
  set: (agent: AgentInstance) => {
    globalAgent.current = agent
  },
}

/** Puts ours into those modules that this Node has, and the names that it knows. */
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

/** Node may warn of the module's use: not of ours. */
function load(name: string): object | undefined {
  // With `--no-deprecation` it is set, and read only.
  if (process.noDeprecation) return process.getBuiltinModule(name)
  process.noDeprecation = true
  try {
    return process.getBuiltinModule(name)
  } finally {
    delete (process as { noDeprecation?: boolean }).noDeprecation
  }
}
