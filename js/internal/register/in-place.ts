/**
 * Puts ferrohttp in the place of node:http, in two steps. First the members of the builtin modules become accessors, because
 * loading ferrohttp costs 20 ms and 5 MB and many processes never use node:http. The first read or assignment of a member loads
 * ferrohttp and replaces all members. Ferrohttp inherits from Node's classes, so `restore` puts these back before it is loaded.
 */
import { syncBuiltinESMExports } from 'node:module'

import { VERSION } from '../../root.js'
import { httpsIsLoading, putHttpsInPlace } from './node-https.js'
import { innerModule } from './inner-modules.js'
import { serveWithOurMessages, type MessageClasses } from './node-servers.js'
import { readByNode, whenRequired } from './when-used.js'

type Module = Record<string, unknown>

const http = require('node:http') as Module

/** The names of the same. `setGlobalProxyFromEnv` is in node:http from Node 24 on. */
const MEMBERS = {
  http: [
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
    'globalAgent',
    'setGlobalProxyFromEnv',
  ],
  _http_agent: ['Agent', 'globalAgent'],
  _http_client: ['ClientRequest'],
  _http_common: ['_checkInvalidHeaderChar', '_checkIsHttpToken'],
  _http_incoming: ['IncomingMessage'],
  _http_outgoing: ['OutgoingMessage', 'validateHeaderName', 'validateHeaderValue', 'kUniqueHeaders'],
  _http_server: ['Server', 'ServerResponse', 'STATUS_CODES', '_connectionListener'],
} as const

type Members = typeof MEMBERS
/** The new members of each builtin module. */
export type Replacements = { readonly [M in keyof Members]: { readonly [N in Members[M][number]]: PropertyDescriptor } }

interface Place {
  readonly module: Module
  readonly moduleName: keyof Members
  readonly name: string
  /** Node's own descriptor; undefined where Node has no such member. */
  readonly original: PropertyDescriptor | undefined
}

const places: Place[] = []
let state: 'untouched' | 'waiting' | 'loading' | 'replaced' = 'untouched'
let classes: MessageClasses | undefined

/**
 * The first step.
 *
 * @param load loads ferrohttp, which calls `restore` first and `finish` last
 * @param loadHttps loads its https too, which calls `finishHttps`
 */
export function putInPlace(load: () => void, loadHttps: () => void): void {
  for (const moduleName of Object.keys(MEMBERS) as (keyof Members)[]) {
    const module = moduleName === 'http' ? http : innerModule(moduleName)
    if (module === undefined) continue
    for (const name of MEMBERS[moduleName]) {
      const original = Object.getOwnPropertyDescriptor(module, name)
      if (original !== undefined || moduleName === 'http') places.push({ module, moduleName, name, original })
    }
  }
  state = 'waiting'
  for (const place of places) Object.defineProperty(place.module, place.name, untilUsed(place, load))
  serveWithOurMessages(() => {
    if (classes === undefined) load()
    return classes!
  })
  whenRequired('http', load)
  putHttpsInPlace(loadHttps)
  // Where the module has been imported already, its exports are copies. Reading them here has them replaced.
  syncBuiltinESMExports()
  // Like the other members of `process.versions`.
  Object.defineProperty(process.versions, 'ferrohttp', { value: VERSION, enumerable: true, configurable: true })
}

/** Before ferrohttp is loaded: all members are Node's again. */
export function restore(): void {
  if (state !== 'waiting') return
  state = 'loading'
  for (const { module, name, original } of places) {
    if (original === undefined) delete module[name]
    else Object.defineProperty(module, name, original)
  }
}

/** The second step, when ferrohttp has been loaded. Without the first it does nothing. */
export function finish(replacements: Replacements): void {
  if (state !== 'loading') return
  state = 'replaced'
  for (const { module, moduleName, name, original } of places) {
    const ours = (replacements[moduleName] as Record<string, PropertyDescriptor>)[name]!
    Object.defineProperty(module, name, moduleName === 'http' ? ours : shared(original!, ours))
  }
  const { IncomingMessage, ServerResponse } = replacements.http
  classes = { IncomingMessage: IncomingMessage.value, ServerResponse: ServerResponse.value }
  syncBuiltinESMExports()
}

function untilUsed({ module, name, original }: Place, load: () => void): PropertyDescriptor {
  const get = (): unknown => {
    if (module !== http && isReadByNode(get)) return valueOf(original!)
    load()
    return module[name]
  }
  const set = (value: unknown): void => {
    load()
    module[name] = value
  }
  return { configurable: true, enumerable: true, get, set }
}

/** An accessor that returns our member to programs, and Node's to modules of Node that build on it. */
function shared(original: PropertyDescriptor, ours: PropertyDescriptor): PropertyDescriptor {
  if (ours.get !== undefined) return ours
  let { value } = ours
  const get = (): unknown => (isReadByNode(get) ? valueOf(original) : value)
  const set = (assigned: unknown): void => {
    value = assigned
  }
  return { configurable: true, enumerable: true, get, set }
}

/** A module of Node that builds on node:http keeps Node's classes. */
function isReadByNode(getter: () => unknown): boolean {
  const reader = readByNode(getter)
  if (reader === 'https') httpsIsLoading()
  return reader !== null
}

function valueOf({ get, value }: PropertyDescriptor): unknown {
  return get === undefined ? value : get()
}
