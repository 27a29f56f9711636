/**
 * Requests through a proxy, as in Node 24: Node doc heading "Built-in Proxy Support". An agent with `proxyEnv` connects to the
 * proxy of HTTP_PROXY and sends requests in absolute-form (RFC 9112 section 3.2.2), unless NO_PROXY exempts the server. An agent
 * for https asks the proxy of HTTPS_PROXY for a tunnel, see `https/tunnel.ts`.
 */
import net from 'node:net'

import type { ClientRequest } from '../../client.js'
import type { ClientOptions } from './options.js'
import { ERR_INVALID_ARG_VALUE, ERR_PROXY_INVALID_CONFIG, ERR_SOCKET_BAD_PORT } from '../errors.js'

/** The variables of `proxyEnv`. The lower-case names have precedence. */
export type ProxyEnvironment = Record<string, string | undefined>

export interface Proxy {
  /** Its URL for messages, without credentials. */
  readonly href: string
  readonly host: string
  readonly port: number
  /** Whether the connection to the proxy is TLS. */
  readonly secure: boolean
  /** The value of Proxy-Authorization, or null for none. */
  readonly authorization: string | null
  readonly exempt: readonly Exemption[]
}

/** In an agent: its Proxy, or null. */
export const kProxy = Symbol('ferrohttp.proxy')

interface Exemption {
  matches(host: string): boolean
  readonly port: number | null
}

const NAMES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']

/** The variables about proxies of an environment. */
export function proxyVariables(env: ProxyEnvironment): ProxyEnvironment {
  return Object.fromEntries(NAMES.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]))
}

/** Whether `--use-env-proxy` or NODE_USE_ENV_PROXY is set. The flag has precedence. */
export function isEnabledByEnvironment(): boolean {
  const options = [...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/), ...process.execArgv]
  const flag = options.findLast((option) => option === '--use-env-proxy' || option === '--no-use-env-proxy')
  return flag === undefined ? process.env['NODE_USE_ENV_PROXY'] === '1' : flag === '--use-env-proxy'
}

/** @throws ERR_PROXY_INVALID_CONFIG */
export function parseProxy(env: ProxyEnvironment, protocol: 'http:' | 'https:'): Proxy | null {
  const given = protocol === 'http:' ? env['http_proxy'] || env['HTTP_PROXY'] : env['https_proxy'] || env['HTTPS_PROXY']
  if (!given || !/^https?:\/\//.test(given)) return null
  // The URL parser would remove line ends silently.
  if (/[\r\n]/.test(given) || !URL.canParse(given)) throw ERR_PROXY_INVALID_CONFIG(`Invalid proxy URL: ${given}`)
  const url = new URL(given)
  const secure = url.protocol === 'https:'
  const { username, password } = url
  url.username = ''
  url.password = ''
  return {
    href: username === '' && password === '' ? given : url.href,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (secure ? 443 : 80),
    secure,
    authorization:
      username === '' && password === ''
        ? null
        : `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`,
    exempt: parseExemptions(env['no_proxy'] || env['NO_PROXY'] || ''),
  }
}

function parseExemptions(list: string): Exemption[] {
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const withPort = /^([^:]+|\[.*\]):(\d+)$/.exec(entry)
      if (withPort === null) return { matches: hostRule(entry), port: null }
      return { matches: hostRule(withPort[1]!), port: Number(withPort[2]) }
    })
}

function hostRule(entry: string): (host: string) => boolean {
  if (entry === '*') return () => true
  if (entry.startsWith('.')) return (host) => host === entry.slice(1) || host.endsWith(entry)
  if (entry.startsWith('*.')) return (host) => host.endsWith(entry.slice(1))
  const range = entry.split('-')
  if (range.length === 2 && range.every((end) => net.isIPv4(end))) {
    const [low, high] = range.map(ipv4Number) as [number, number]
    return (host) => net.isIPv4(host) && ipv4Number(host) >= low && ipv4Number(host) <= high
  }
  const name = unbracketed(entry)
  return (host) => host === name
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function unbracketed(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

/** The agent's proxy if requests with these options go through it. */
export function proxyFor(agent: object | null | undefined, options: ClientOptions): Proxy | null {
  return notExempt((agent as { [kProxy]?: Proxy | null } | null | undefined)?.[kProxy], options, 80)
}

/** `proxy`, or null if NO_PROXY exempts the server of these options. */
export function notExempt(
  proxy: Proxy | null | undefined,
  options: Pick<ClientOptions, 'host' | 'port' | 'socketPath'>,
  defaultPort: number,
): Proxy | null {
  if (!proxy || options.socketPath) return null
  const host = unbracketed((options.host || 'localhost').toLowerCase())
  const port = Number(options.port || defaultPort)
  const exempt = proxy.exempt.some((rule) => (rule.port === null || rule.port === port) && rule.matches(host))
  return exempt ? null : proxy
}

/**
 * Prepares a request for a proxy: absolute target, a Host that agrees with it, and the fields for the proxy itself. Of headers
 * that are given as a list only the Host is read.
 *
 * @returns the target
 * @throws ERR_INVALID_ARG_VALUE, ERR_INVALID_URL, ERR_SOCKET_BAD_PORT
 */
export function addressProxy(request: ClientRequest, proxy: Proxy, options: ClientOptions): string {
  const { method } = request
  let target = String(request.path)
  // RFC 9112 section 3.2.2: these keep their form.
  if (method !== 'CONNECT' && !(method === 'OPTIONS' && target === '*'))
    target = absoluteTarget(request, target, options)
  if (!Array.isArray(options.headers)) {
    if (proxy.authorization !== null) request.setHeader('proxy-authorization', proxy.authorization)
    request.setHeader('proxy-connection', request.shouldKeepAlive ? 'keep-alive' : 'close')
  }
  return target
}

/** Returns the target with its authority, encoded as the URL parser does, and sets a Host that agrees. */
function absoluteTarget(request: ClientRequest, path: string, { port: given, headers }: ClientOptions): string {
  const port = Number(given)
  if (!(port >= 0 && port < 65536)) throw ERR_SOCKET_BAD_PORT('options.port', given, true)
  const host = net.isIPv6(request.host) ? `[${request.host}]` : request.host
  const { host: authority } = new URL(`http://${host}:${port}`)
  if (Array.isArray(headers)) {
    const host = hostOf(headers as unknown[])
    // Headers that are given as a list are sent unchanged.
    if (host !== undefined && host !== authority) throw hostMismatch(host, authority)
  } else {
    for (const name of Object.keys(headers ?? {})) {
      if (name.toLowerCase() === 'host') checkHost(String((headers as Record<string, unknown>)[name]), authority)
    }
    if (request.hasHeader('host')) request.setHeader('Host', authority)
  }
  return URL.canParse(path) ? checkTarget(new URL(path), authority) : originTarget(path, authority)
}

/** The Host of a list of names and values in turn, or of pairs. */
function hostOf(headers: unknown[]): string | undefined {
  let host: string | undefined
  const pairs = Array.isArray(headers[0])
  const odd = pairs ? headers.findIndex((entry) => !Array.isArray(entry)) : -1
  if (odd !== -1) {
    const reason = 'must be an array when headers is passed as an array of pairs'
    throw ERR_INVALID_ARG_VALUE(`options.headers[${odd}]`, typeof headers[odd], reason)
  }
  const flat = headers.flat(1)
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if (String(flat[i]).toLowerCase() !== 'host') continue
    if (host !== undefined)
      throw ERR_INVALID_ARG_VALUE('options.headers', '(redacted)', 'must not contain duplicate Host headers')
    host = String(flat[i + 1])
  }
  return host
}

function hostMismatch(value: string, authority: string): Error {
  return ERR_INVALID_ARG_VALUE('Host in options.headers', value, mustMatch(authority))
}

function checkHost(value: string, authority: string): void {
  // Anything other than host and port would become part of the URL.
  if (!URL.canParse(`http://${value}`) || new URL(`http://${value}`).href !== `http://${authority}/`)
    throw hostMismatch(value, authority)
}

function originTarget(path: string, authority: string): string {
  if (!path.startsWith('/'))
    throw ERR_INVALID_ARG_VALUE('options.path', path, 'must be in absolute-form or start with /')
  return new URL(`http://${authority}${path}`).href
}

function checkTarget(url: URL, authority: string): string {
  if (url.username !== '' || url.password !== '') {
    url.username = ''
    url.password = ''
    const reason = 'must not contain userinfo, use options.auth instead'
    throw ERR_INVALID_ARG_VALUE('options.path', url.href, reason)
  }
  if (url.protocol !== 'http:') {
    const reason = 'must use http: scheme when specified as an absolute URL'
    throw ERR_INVALID_ARG_VALUE('options.path', url.protocol, reason)
  }
  if (url.host !== authority) throw ERR_INVALID_ARG_VALUE('options.path', url, mustMatch(authority))
  return url.href
}

function mustMatch(authority: string): string {
  return `must match the request authority (${authority})`
}
