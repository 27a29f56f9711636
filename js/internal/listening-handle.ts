/**
 * Listening sockets of I/O threads as handles of libuv, for those who pass a server on: to another process, which then
 * accepts beside us, or to another server, which accepts from there on.
 */
import fs from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'

import { environment } from './environment.js'
import { ERR_INVALID_HANDLE_TYPE, systemError } from './errors.js'
import { listeningDescriptor } from './native.js'

/** As net.Server uses it. */
export interface LibuvHandle {
  close(callback?: () => void): void
  ref(): void
  unref(): void
  hasRef(): boolean
}

type CreateHandle = (address: null, port: null, type: null, fd: number) => LibuvHandle | number

/**
 * A descriptor of the socket. Closing it is the caller's matter.
 *
 * @param giveUp whoever gets it accepts from here on
 * @throws what the system says; ERR_INVALID_HANDLE_TYPE where it has no such descriptors
 */
export function listeningFd(server: number, giveUp: boolean): number {
  const { errno, fd } = listeningDescriptor(environment.native, server, giveUp)
  if (fd === -1) {
    if (errno > 0) throw systemError(getSystemErrorName(-errno), 'dup')
    throw ERR_INVALID_HANDLE_TYPE('the server does not listen, or the system has no descriptors for it')
  }
  return fd
}

/** A handle on the socket, which libuv does not watch yet. See `listeningFd`. */
export function listeningHandle(server: number, giveUp: boolean): LibuvHandle {
  const fd = listeningFd(server, giveUp)
  const create = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle
  const handle = create?.(null, null, null, fd)
  if (typeof handle === 'object') return handle
  fs.closeSync(fd)
  throw handle === undefined
    ? ERR_INVALID_HANDLE_TYPE('this Node.js makes no handle of a descriptor')
    : systemError(getSystemErrorName(handle), 'open')
}
