/** `require('ferrohttp')`: what `require('node:http')` has. Assembles and exports, no logic. */
import http from 'node:http'

import {
  METHODS as METHOD_LIST,
  STATUS_CODES as STATUS_TABLE,
  validateHeaderName as checkName,
  validateHeaderValue as checkValue,
} from './common.js'
import { IncomingMessage as IncomingMessageClass } from './incoming.js'
import { OutgoingMessage as OutgoingMessageClass } from './outgoing.js'
import { ServerResponse as ServerResponseClass } from './response.js'
import { createServer as makeServer, Server as ServerClass } from './server.js'
import { stats as collectStats } from './stats.js'

// Constants assigned one by one: the object stays plain and mutable for tools that patch it, and
// `import { createServer }` finds the names.
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
export const stats = collectStats

export type { ServerOptions, RequestListener } from './server.js'
