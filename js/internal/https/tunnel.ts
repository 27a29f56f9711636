/**
 * A tunnel to a server through a proxy, as in Node 24: asks the proxy for it by CONNECT (RFC 9110 section 9.3.6), and waits for the TLS
 * handshake with the server that its caller begins in the tunnel.
 */
import http from 'node:http'
import net, { type Socket } from 'node:net'
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'

import type { Agent } from '../../agent.js'
import { ERR_PROXY_TUNNEL } from '../../core.js'
import type { ClientOptions } from '../client/options.js'
import type { Proxy } from '../client/proxy.js'

type Options = ClientOptions & ConnectionOptions
type Connected = (error: Error | null, socket?: TLSSocket) => void

const END_OF_HEAD = '\r\n\r\n'

/**
 * Begins the handshake. `isEmpty`: the proxy has sent nothing beyond its own response.
 * @returns the TLS socket
 */
export type Begin = (toProxy: Socket, options: Options, isEmpty: boolean) => TLSSocket

/**
 * @param connected called once: with a socket whose handshake is complete, or with the error. After an error everything that was
 *   opened is destroyed
 */
export function connectByTunnel(
  agent: Agent,
  proxy: Proxy,
  options: Options,
  begin: Begin,
  connected: Connected,
): void {
  const { host, port, secure } = proxy
  const { timeout } = options
  const toProxy: Socket = secure
    ? tls.connect({ host, port, servername: net.isIP(host) ? '' : host })
    : net.connect({ host, port })
  const stop = (): void => {
    toProxy.setTimeout(0)
    toProxy.removeListener('timeout', onTimeout)
    toProxy.removeListener('error', fail)
    toProxy.removeListener('end', onEnd)
    toProxy.removeListener('readable', onReadable)
  }
  const fail = (error: Error): void => {
    stop()
    toProxy.on('error', ignore)
    toProxy.destroy()
    connected(error)
  }
  const onEnd = (): void => fail(ERR_PROXY_TUNNEL('Connection to establish proxy tunnel ended unexpectedly'))
  const onTimeout = (): void => {
    const error = ERR_PROXY_TUNNEL(`Connection to establish proxy tunnel timed out after ${timeout}ms`)
    fail(Object.assign(error, { proxyTunnelTimeout: timeout }))
  }
  const endpoint = endpointOf(agent, options)
  const limit = options.maxHeaderSize || http.maxHeaderSize
  let received = Buffer.alloc(0)
  const onReadable = (): void => {
    for (let chunk: Buffer | null = toProxy.read(); chunk !== null; chunk = toProxy.read()) {
      received = Buffer.concat([received, chunk])
      const end = received.indexOf(END_OF_HEAD)
      if ((end === -1 ? received.length : end + END_OF_HEAD.length) > limit) {
        fail(ERR_PROXY_TUNNEL(`Proxy response headers exceeded ${limit} bytes`))
        return
      }
      if (end === -1) continue
      const statusLine = received.subarray(0, received.indexOf('\r\n')).toString()
      const status = statusLine.split(' ')[1]
      if (status === '200') {
        stop()
        const isEmpty = end + END_OF_HEAD.length === received.length && toProxy.readableLength === 0
        handshake(begin(toProxy, named(options), isEmpty), connected)
      } else {
        const reason = `Failed to establish tunnel to ${endpoint} via ${proxy.href}: ${statusLine}`
        fail(Object.assign(ERR_PROXY_TUNNEL(reason), { statusCode: Number.parseInt(status!, 10) }))
      }
      return
    }
  }
  if (timeout) toProxy.setTimeout(timeout, onTimeout)
  toProxy.on('error', fail)
  toProxy.once(secure ? 'secureConnect' : 'connect', () => {
    toProxy.on('end', onEnd)
    toProxy.on('readable', onReadable)
    toProxy.write(connectRequest(agent, proxy, endpoint))
  })
}

function connectRequest(agent: Agent, { authorization }: Proxy, endpoint: string): string {
  const lines = [`CONNECT ${endpoint} HTTP/1.1`]
  if (authorization !== null) lines.push(`proxy-authorization: ${authorization}`)
  if (agent.keepAlive || agent.maxSockets !== Infinity) lines.push('proxy-connection: keep-alive')
  lines.push(`host: ${endpoint}`)
  return lines.join('\r\n') + END_OF_HEAD
}

/**
 * Host and port for CONNECT.
 * @throws ERR_PROXY_TUNNEL for a host that would end the line
 */
function endpointOf(agent: Agent, { host, port }: Options): string {
  const name = host || 'localhost'
  const endpoint = `${net.isIPv6(name) ? `[${name}]` : name}:${port || agent.defaultPort}`
  if (/[\r\n]/.test(endpoint)) throw ERR_PROXY_TUNNEL('The host must not contain line ends')
  return endpoint
}

/** The options with the name of the server. */
function named(options: Options): Options {
  const { host } = options
  return { ...options, servername: options.servername || (host && !net.isIP(host) ? host : undefined) }
}

function handshake(socket: TLSSocket, connected: Connected): void {
  const onError = (error: Error): void => connected(error)
  socket.once('error', onError)
  socket.once('secureConnect', () => {
    socket.removeListener('error', onError)
    connected(null, socket)
  })
}

function ignore(): void {}
