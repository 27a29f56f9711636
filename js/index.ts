/** `require('ferrohttp')`: what `require('node:http')` has. Assembles and exports, no logic. */
import http from 'node:http'

import {
  Agent as AgentClass,
  globalAgent as shared,
  setGlobalProxyFromEnv as setProxies,
  type Agent as AgentInstance,
} from './agent.js'
import { ClientRequest as ClientRequestClass, get as makeGet, request as makeRequest } from './client.js'
import {
  METHODS as METHOD_LIST,
  STATUS_CODES as STATUS_TABLE,
  validateHeaderName as checkName,
  validateHeaderValue as checkValue,
} from './common.js'
import { createClient as makeClient } from './create-client.js'
import { IncomingMessage as IncomingMessageClass } from './incoming.js'
import { OutgoingMessage as OutgoingMessageClass } from './outgoing.js'
import { ServerResponse as ServerResponseClass } from './response.js'
import { connectionListener, createServer as makeServer, Server as ServerClass } from './server.js'
import { stats as collectStats } from './stats.js'

// Constants assigned one by one: the object stays plain and mutable for tools that patch it, and
// `import { createServer }` finds the names.
export const _connectionListener = connectionListener
export const METHODS = METHOD_LIST
export const STATUS_CODES = STATUS_TABLE
export const createServer = makeServer
export const Server = ServerClass
export const IncomingMessage = IncomingMessageClass
export const OutgoingMessage = OutgoingMessageClass
export const ServerResponse = ServerResponseClass
export const validateHeaderName = checkName
export const validateHeaderValue = checkValue
export const maxHeaderSize = http.maxHeaderSize
export const Agent = AgentClass
export const ClientRequest = ClientRequestClass
export const request = makeRequest
export const get = makeGet
export const createClient = makeClient
export const setMaxIdleHTTPParsers = http.setMaxIdleHTTPParsers
export const setGlobalProxyFromEnv = setProxies
export const stats = collectStats

/** Assigning it changes the agent of every later request that names none. */
export let globalAgent: AgentInstance
/** Node's own, from Node 22 on. */
export let WebSocket: unknown
export let CloseEvent: unknown
export let MessageEvent: unknown
const passed = (name: 'maxHeaderSize' | 'WebSocket' | 'CloseEvent' | 'MessageEvent'): PropertyDescriptor => ({
  configurable: true,
  enumerable: true,
  get: () => (http as Record<string, unknown>)[name],
})
// Not `defineProperty`: what that makes an accessor, `import { globalAgent }` does not find.
Object.defineProperties(exports, {
  maxHeaderSize: passed('maxHeaderSize'),
  WebSocket: passed('WebSocket'),
  CloseEvent: passed('CloseEvent'),
  MessageEvent: passed('MessageEvent'),
  globalAgent: {
    configurable: true,
    enumerable: true,
    get: () => shared.current,
    set: (agent: AgentInstance) => {
      shared.current = agent
    },
  },
})

for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) if (!(name in http)) delete exports[name]

export type { ServerOptions, RequestListener } from './server.js'
