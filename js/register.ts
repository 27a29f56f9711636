/**
 * `node -r ferrohttp/register app.js`: puts what ferrohttp has into the builtin `http` module, so that an unchanged
 * program runs on it. node:https keeps Node's own client.
 */
import http from 'node:http'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'

import * as ferrohttp from './index.js'
import { httpsServers } from './internal/https-servers.js'

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

function put(module: object, name: string, value: unknown): void {
  Object.defineProperty(module, name, { value, writable: true, enumerable: true, configurable: true })
}

for (const name of NAMES) put(http, name, ferrohttp[name])
Object.defineProperty(http, 'globalAgent', Object.getOwnPropertyDescriptor(ferrohttp, 'globalAgent')!)
for (const [name, value] of Object.entries(httpsServers())) put(https, name, value)
syncBuiltinESMExports()
