/**
 * The short cut of https agents to the origin of a usual request. A name has some twenty options, which most requests leave to their
 * agent.
 */
import https from 'node:https'

import type { Agent as PlainAgent, Naming } from '../../agent.js'
import { Agent as HttpAgent, merged, serverName } from '../../core.js'
import type { ClientOptions } from '../client/options.js'
import { bytesOf } from './pem.js'

/** The options that are part of names, as the running Node reads them. */
const PARTS = namedOptions()
/** The options of a name that usual requests do not have. */
const UNUSUAL = PARTS.filter((name) => name !== 'host' && name !== 'port')

function namedOptions(): string[] {
  const read = new Set<string>()
  const options = new Proxy({} as ClientOptions, {
    get(_, name) {
      if (typeof name === 'string') read.add(name)
      return undefined
    },
  })
  ;(https.Agent.prototype as unknown as Pick<PlainAgent, 'getName'>).getName(options)
  return [...read]
}

/** In an agent: its options when its last name was made. */
const kNamed = Symbol('ferrohttp.named')

interface Named {
  [kNamed]?: readonly unknown[]
}

/**
 * @param own the class's methods
 * @param further a member of requests whose name is their own
 */
export function secureNaming(
  { createConnection, getName }: Pick<PlainAgent, 'createConnection' | 'getName'>,
  further: symbol,
): Naming {
  const inherited = HttpAgent.prototype.getName
  return {
    isStandard: (agent) => agent.getName === getName && HttpAgent.prototype.getName === inherited,
    keepsOptions: (agent) => agent.createConnection === createConnection,
    usualOrigin(agent, pool, options, request) {
      const given = options as Record<PropertyKey, unknown>
      for (const name of UNUSUAL) if (given[name] !== undefined) return null
      const own = agent.options as Record<string, unknown>
      if (given[further] !== undefined || own['host'] || own['port']) return null
      const { host, port } = options
      // The agent's own name for TLS holds for all requests.
      const isNamed = own['servername'] || own['servername'] === ''
      const servername = isNamed ? undefined : serverName(options, request)
      if (isAsNamed(agent, own)) {
        const last = pool.lastOrigin(host, port, servername)
        if (last !== null) return last
      }
      const origin = pool.origin(agent.getName(merged(agent, options, request)))
      pool.setLastOrigin(origin, host, port, servername)
      return origin
    },
  }
}

/** Whether the agent's options are those of its last name. Otherwise they are from now on. */
function isAsNamed(agent: PlainAgent & Named, own: Record<string, unknown>): boolean {
  const last = agent[kNamed]
  if (last !== undefined && PARTS.every((name, at) => isSame(own[name], last[at]))) return true
  const value = PARTS.map((name) => snapshot(own[name]))
  Object.defineProperty(agent, kNamed, { value, configurable: true })
  return false
}

/** A copy, because programs may change arrays and bytes. */
function snapshot(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snapshot)
  return ArrayBuffer.isView(value) ? Buffer.from(bytesOf(value)) : value
}

/** @param last a copy. Other objects are never the same: they may have changed */
function isSame(value: unknown, last: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === last
  if (ArrayBuffer.isView(value)) return ArrayBuffer.isView(last) && bytesOf(value).equals(bytesOf(last))
  if (!Array.isArray(value) || !Array.isArray(last) || value.length !== last.length) return false
  return value.every((one, at) => isSame(one, last[at]))
}
