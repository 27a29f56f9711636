/**
 * Decides whether a connection of an agent can be native, and makes it: Node's own name resolution first, then an I/O thread
 * connects.
 */
import type dns from 'node:dns'
import type { LookupAddress } from 'node:dns'
import http from 'node:http'
import net, { type Socket } from 'node:net'

import { ClientSocket } from './socket.js'
import { validationOf } from '../../common.js'
import type { ClientOptions } from './options.js'
import { connectError, ERR_INVALID_ADDRESS_FAMILY, ERR_INVALID_IP_ADDRESS } from '../errors.js'
import type { ConnectOptions } from '../bridge/native.js'
import { mayUseNetwork } from '../node-parity/permission.js'
import { netConnect, netCreateConnection, socketConnect } from '../node-parity/originals.js'
import { SocketResource } from '../node-parity/async-resources.js'

/** Options that native connections do not support. Node handles them, with their errors. */
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

/** Smallest autoSelectFamilyAttemptTimeout in ms; Node raises a smaller one to it. */
const SHORTEST_ATTEMPT = 10

interface SocketOptions extends ClientOptions {
  autoSelectFamily?: boolean
  autoSelectFamilyAttemptTimeout?: number
  noDelay?: boolean
}

/** Whether net's functions are Node's own. Where a program has replaced them, connections are made through its own. */
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

/** As Node's `validateInt32` with a minimum of 1. */
function isAttemptTimeout(time: unknown): boolean {
  return typeof time === 'number' && (time | 0) === time && time >= 1
}

function isPlain(options: SocketOptions): boolean {
  const { path, port, host, lookup, localAddress, localPort, family, hints } = options
  const { autoSelectFamily, autoSelectFamilyAttemptTimeout } = options
  return (
    UNKNOWN.every((name) => (options as Record<string, unknown>)[name] === undefined) &&
    (path ? typeof path === 'string' && !path.includes('\0') : isPort(port)) &&
    (host === undefined || (typeof host === 'string' && !host.includes('\0'))) &&
    (lookup === undefined || typeof lookup === 'function') &&
    (!localAddress || net.isIP(localAddress) !== 0) &&
    (!localPort || isPort(localPort)) &&
    (family === undefined || family === 0 || family === 4 || family === 6) &&
    (hints === undefined || typeof hints === 'number') &&
    (autoSelectFamily == null || typeof autoSelectFamily === 'boolean') &&
    (autoSelectFamilyAttemptTimeout == null || isAttemptTimeout(autoSelectFamilyAttemptTimeout))
  )
}

/** Makes a socket without a connection; arguments as of `ClientSocket`. */
export type MakeSocket = (resource: SocketResource, maxHeaderSize: number, validation: number) => ClientSocket

const makePlain: MakeSocket = (resource, maxHeaderSize, validation) =>
  new ClientSocket(resource, maxHeaderSize, validation)

/** A socket without a connection, with the options that all connections have. Null where only Node's own will do. */
function prepare(
  wanted: SocketOptions,
  make: MakeSocket,
): { socket: ClientSocket; resource: SocketResource; base: ConnectOptions } | null {
  // Without permission for the network, Node's own sockets report the error.
  if (!socketsAreNodes() || !isPlain(wanted) || !mayUseNetwork()) return null
  const maxHeaderSize = wanted.maxHeaderSize || http.maxHeaderSize
  const validation = validationOf(wanted)
  const resource = new SocketResource(wanted.path ? 'PIPEWRAP' : 'TCPWRAP')
  const socket = make(resource, maxHeaderSize, validation)
  if (wanted.timeout) socket.setTimeout(wanted.timeout)
  const base: ConnectOptions = {
    noDelay: Boolean(wanted.noDelay),
    socketTimeout: 0,
    maxHeaderSize,
    validation,
  }
  if (wanted.keepAlive) base.tcpKeepAlive = wanted.keepAliveInitialDelay || 0
  return { socket, resource, base }
}

/**
 * Continues a connection of libuv's on an I/O thread. Everything that was received of it has been read.
 * @returns the socket, or null where only Node's own will do
 */
export function adoptNatively(options: ClientOptions, connected: Socket, make: MakeSocket): Socket | null {
  const { fd = -1 } = (connected as { _handle?: { fd?: number } | null })._handle ?? {}
  // On Windows libuv has no descriptors of sockets.
  const prepared = fd < 0 ? null : prepare(options as SocketOptions, make)
  if (prepared === null) return null
  const { socket, base } = prepared
  try {
    socket.connectTo({ ...base, connected: fd })
  } catch (error) {
    // There is no further descriptor.
    socket.destroy(error as Error)
  }
  // The I/O thread has a descriptor of its own.
  connected.destroy()
  return socket
}

/** @returns the socket, or null where only Node's own will do */
export function connectNatively(options: ClientOptions, make: MakeSocket = makePlain): Socket | null {
  const wanted = options as SocketOptions
  const prepared = prepare(wanted, make)
  if (prepared === null) return null
  const { socket, resource, base } = prepared
  if (wanted.path) {
    process.nextTick(connectTo, socket, { ...base, path: wanted.path })
    return socket
  }
  base.port = Number(wanted.port)
  if (wanted.localAddress) base.localAddress = wanted.localAddress
  if (wanted.localPort) base.localPort = Number(wanted.localPort)
  const host = wanted.host || 'localhost'
  if (net.isIP(host) !== 0) process.nextTick(connectTo, socket, { ...base, addresses: [host] })
  // In async_hooks the lookup is triggered by the socket.
  else if (wanted.lookup === undefined) resource.runInAsyncScope(resolve, undefined, socket, host, base, wanted)
  else resolve(socket, host, base, wanted)
  return socket
}

function connectTo(socket: ClientSocket, target: ConnectOptions): void {
  socket.connectTo(target)
}

function resolve(socket: ClientSocket, host: string, base: ConnectOptions, options: SocketOptions): void {
  const lookup = (options.lookup ?? (require('node:dns') as typeof dns).lookup) as typeof dns.lookup
  const family = options.family ?? 0
  const query = { family, hints: options.hints || 0 }
  // Node's sockets have the name in the same place while it is resolved.
  ;(socket as { _host?: string })._host = host
  const select = options.autoSelectFamily ?? net.getDefaultAutoSelectFamily()
  const answer = options.lookup === undefined ? TRUSTED : new Answer()
  if (!select || family === 4 || family === 6 || options.localAddress) {
    lookup(host, query, (error, address, addressFamily) => {
      socket.emit('lookup', error, address, addressFamily, host)
      if (!socket.connecting || answer.over) return
      if (error) process.nextTick(fail, socket, error)
      else if (!isAddress(address)) process.nextTick(fail, socket, ERR_INVALID_IP_ADDRESS(address))
      else if (!isFamily(addressFamily))
        process.nextTick(fail, socket, ERR_INVALID_ADDRESS_FAMILY(addressFamily, options.host, options.port))
      else answer.connect(socket, { ...base, addresses: [address] })
    })
    return
  }
  lookup(host, { ...query, all: true }, (error, found: LookupAddress[]) => {
    if (!socket.connecting || answer.over) return
    if (error) {
      socket.emit('lookup', error, undefined, undefined, host)
      process.nextTick(fail, socket, error)
      return
    }
    const addresses: string[] = []
    for (let i = 0; i < found.length; i++) {
      const { address, family: addressFamily } = found[i]!
      socket.emit('lookup', error, address, addressFamily, host)
      if (!socket.connecting) return
      if (isAddress(address) && isFamily(addressFamily) && !addresses.includes(address)) addresses.push(address)
    }
    if (addresses.length === 0) {
      const { address, family: addressFamily } = found[0]!
      const reason = isAddress(address)
        ? ERR_INVALID_ADDRESS_FAMILY(addressFamily, options.host, options.port)
        : ERR_INVALID_IP_ADDRESS(address)
      process.nextTick(fail, socket, reason)
      return
    }
    const attemptTimeout = Math.max(
      SHORTEST_ATTEMPT,
      options.autoSelectFamilyAttemptTimeout ?? net.getDefaultAutoSelectFamilyAttemptTimeout(),
    )
    answer.connect(socket, addresses.length === 1 ? { ...base, addresses } : { ...base, addresses, attemptTimeout })
  })
}

/**
 * The results of the program's own `lookup`, which may call back more than once. As in Node, a second call fails an attempt that
 * has just begun. In a later turn Node's attempt has ended in most cases and further calls have no effect; here they have none,
 * however long the attempt takes.
 */
class Answer {
  #begun = false
  /** Further calls have no effect. */
  over = false

  connect(socket: ClientSocket, target: ConnectOptions): void {
    if (this.#begun) {
      process.nextTick(fail, socket, connectError('EALREADY', 'connect', target.addresses![0], target.port))
      return
    }
    this.#begun = true
    setImmediate(() => {
      this.over = true
    })
    socket.connectTo(target)
  }
}

/** Node's own resolver calls back once. */
const TRUSTED = { over: false, connect: connectTo }

function isAddress(address: unknown): address is string {
  return typeof address === 'string' && net.isIP(address) !== 0
}

function isFamily(family: unknown): boolean {
  return family === 4 || family === 6
}

function fail(socket: ClientSocket, error: Error): void {
  socket.destroy(error)
}
