/**
 * `node -r ferrohttp/register app.js`: puts what ferrohttp has into the builtin `http` module, so that an unchanged
 * program runs on it. The client stays Node's.
 */
import http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'

import * as ferrohttp from './index.js'

const NAMES = [
  'createServer',
  'Server',
  'IncomingMessage',
  'OutgoingMessage',
  'ServerResponse',
  'STATUS_CODES',
] as const

for (const name of NAMES)
  Object.defineProperty(http, name, { value: ferrohttp[name], writable: true, enumerable: true, configurable: true })
syncBuiltinESMExports()
