/**
 * Whether a connection that an agent asks for can take the native road, and its way there: Node's own name resolution,
 * then an I/O thread.
 */
import dns, { type LookupAddress } from 'node:dns'
import http from 'node:http'
import net, { type Socket } from 'node:net'

import { ClientSocket } from '../client-socket.js'
import { isLenient } from '../common.js'
import type { ClientOptions } from './client-options.js'
import { ERR_INVALID_IP_ADDRESS } from './errors.js'
import type { ConnectOptions } from './native.js'
import { SocketResource } from './resources.js'

const { connect: netConnect, createConnection: netCreateConnection } = net
const socketConnect = net.Socket.prototype.connect

/** What the native road knows nothing of: Node deals with them, errors included. */
const UNKNOWN = [
  'fd',
  'handle',
  'onread',
  'signal',
  'objectMode',
  'readableObjectMode',
  'blockList',
  'typeOfService',
] as const

interface SocketOptions extends ClientOptions {
  autoSelectFamily?: boolean
  autoSelectFamilyAttemptTimeout?: number
  noDelay?: boolean
}

/** Programs that replace Node's sockets, to watch or to fake them, get what they expect. */
function socketsAreNodes(): boolean {
  return (
    net.connect === netConnect &&
    net.createConnection === netCreateConnection &&
    net.Socket.prototype.connect === socketConnect
  )
}

function isPort(port: unknown): boolean {
  return Number.isInteger(Number(port)) && Number(port) >= 0 && Number(port) <= 0xffff && String(port).trim() !== ''
}

function isPlain(options: SocketOptions): boolean {
  const { path, port, host, lookup, localAddress, localPort, family, hints } = options
  return (
    UNKNOWN.every((name) => (options as Record<string, unknown>)[name] === undefined) &&
    (path ? typeof path === 'string' && !path.includes('\0') : isPort(port)) &&
    (host === undefined || typeof host === 'string') &&
    (lookup === undefined || typeof lookup === 'function') &&
    (!localAddress || net.isIP(localAddress) !== 0) &&
    (!localPort || isPort(localPort)) &&
    (family === undefined || family === 0 || family === 4 || family === 6) &&
    (hints === undefined || typeof hints === 'number')
  )
}

/** @returns the socket, or null where only Node's own will do */
export function connectNatively(options: ClientOptions): Socket | null {
  const wanted = options as SocketOptions
  if (!socketsAreNodes() || !isPlain(wanted)) return null
  const maxHeaderSize = wanted.maxHeaderSize || http.maxHeaderSize
  const lenient = wanted.insecureHTTPParser ?? isLenient()
  const resource = new SocketResource(wanted.path ? 'PIPEWRAP' : 'TCPWRAP')
  const socket = new ClientSocket(resource, maxHeaderSize, lenient)
  if (wanted.timeout) socket.setTimeout(wanted.timeout)
  const base: ConnectOptions = {
    noDelay: Boolean(wanted.noDelay),
    socketTimeout: 0,
    maxHeaderSize,
    lenient,
  }
  if (wanted.keepAlive) base.tcpKeepAlive = wanted.keepAliveInitialDelay || 0
  if (wanted.path) {
    process.nextTick(connectTo, socket, { ...base, path: wanted.path })
    return socket
  }
  base.port = Number(wanted.port)
  if (wanted.localAddress) base.localAddress = wanted.localAddress
  if (wanted.localPort) base.localPort = Number(wanted.localPort)
  const host = wanted.host || 'localhost'
  if (net.isIP(host) !== 0) process.nextTick(connectTo, socket, { ...base, addresses: [host] })
  // What resolves the name is triggered by the socket that wants it.
  else if (wanted.lookup === undefined) resource.runInAsyncScope(resolve, undefined, socket, host, base, wanted)
  else resolve(socket, host, base, wanted)
  return socket
}

function connectTo(socket: ClientSocket, target: ConnectOptions): void {
  socket.connectTo(target)
}

function resolve(socket: ClientSocket, host: string, base: ConnectOptions, options: SocketOptions): void {
  const lookup = (options.lookup ?? dns.lookup) as typeof dns.lookup
  const family = options.family ?? 0
  const query = { family, hints: options.hints || 0 }
  // Where Node's sockets have the name that they resolve.
  ;(socket as { _host?: string })._host = host
  const select = options.autoSelectFamily ?? net.getDefaultAutoSelectFamily()
  if (!select || family === 4 || family === 6 || options.localAddress) {
    lookup(host, query, (error, address, addressFamily) => {
      socket.emit('lookup', error, address, addressFamily, host)
      if (!socket.connecting) return
      if (error) process.nextTick(fail, socket, error)
      else if (net.isIP(address) === 0) fail(socket, ERR_INVALID_IP_ADDRESS(address))
      else socket.connectTo({ ...base, addresses: [address] })
    })
    return
  }
  lookup(host, { ...query, all: true }, (error, found: LookupAddress[]) => {
    if (error) {
      socket.emit('lookup', error, undefined, undefined, host)
      if (socket.connecting) process.nextTick(fail, socket, error)
      return
    }
    const addresses = []
    for (const { address, family: addressFamily } of found) {
      socket.emit('lookup', null, address, addressFamily, host)
      if (net.isIP(address) !== 0) addresses.push(address)
    }
    if (!socket.connecting) return
    if (addresses.length === 0) {
      fail(socket, ERR_INVALID_IP_ADDRESS(found[0]?.address ?? host))
      return
    }
    const attemptTimeout = options.autoSelectFamilyAttemptTimeout ?? net.getDefaultAutoSelectFamilyAttemptTimeout()
    socket.connectTo(addresses.length === 1 ? { ...base, addresses } : { ...base, addresses, attemptTimeout })
  })
}

function fail(socket: ClientSocket, error: Error): void {
  socket.destroy(error)
}
