/** What `ferrohttp/register` does to the builtin modules. node:https keeps Node's own client. */
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'

import * as ferrohttp from '../index.js'
import { VERSION } from '../root.js'
import { http2Servers } from './http2-servers.js'
import { httpsServers } from './https-servers.js'
import { replaceInnerModules } from './inner-modules.js'

const NAMES = [
  'createServer',
  'Server',
  'IncomingMessage',
  'OutgoingMessage',
  'ServerResponse',
  'STATUS_CODES',
  'Agent',
  'ClientRequest',
  'request',
  'get',
  'setGlobalProxyFromEnv',
] as const

export function putInPlace(): void {
  for (const name of NAMES) put(http, name, ferrohttp[name])
  Object.defineProperty(http, 'globalAgent', Object.getOwnPropertyDescriptor(ferrohttp, 'globalAgent')!)
  for (const [name, value] of Object.entries(httpsServers())) put(https, name, value)
  for (const [name, value] of Object.entries(http2Servers())) put(http2, name, value)
  replaceInnerModules()
  syncBuiltinESMExports()
  // As the other members of `process.versions` are.
  Object.defineProperty(process.versions, 'ferrohttp', { value: VERSION, enumerable: true, configurable: true })
}

function put(module: object, name: string, value: unknown): void {
  Object.defineProperty(module, name, { value, writable: true, enumerable: true, configurable: true })
}
