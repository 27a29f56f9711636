/** Converts the arguments that net.Server's `listen` has prepared into options for the I/O threads, and makes errors of failures. */
import { getSystemErrorName } from 'node:util'

import { systemError } from '../errors.js'
import type { ListenOptions } from '../bridge/native.js'

/** libuv's flags of `listen`. */
const IPV6_ONLY = 1
const REUSE_PORT = 2

const DEFAULT_BACKLOG = 511

/** The arguments are those of `_listen2`. `port` or `addressType` -1: `address` is a path. */
export function listenOptions(
  address: string | null | undefined,
  port: number,
  addressType: number,
  backlog: number,
  flags: number,
): ListenOptions {
  const options: ListenOptions = {
    // Node converts any value to an integer.
    backlog: +(backlog || DEFAULT_BACKLOG) | 0,
    ipv6Only: (flags & IPV6_ONLY) !== 0,
    reusePort: (flags & REUSE_PORT) !== 0,
  }
  if (port === -1 || addressType === -1) options.path = address!
  else {
    options.port = port
    if (address !== null && address !== undefined) options.host = address
  }
  return options
}

/** @param port -1 where `address` is a path */
export function listenError(errno: number, address: string | null | undefined, port: number): Error {
  return systemError(getSystemErrorName(-errno), 'listen', address ?? '::', port)
}
