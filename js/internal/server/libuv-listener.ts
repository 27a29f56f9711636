/**
 * libuv handles on the listening sockets of I/O threads, for a program that passes a server on: to another process, which
 * accepts connections as well, or to another server, which accepts them instead of ours.
 */
import fs from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'

import { environment } from '../bridge/environment.js'
import { ERR_INVALID_HANDLE_TYPE, systemError } from '../errors.js'
import { listeningDescriptor } from '../bridge/native.js'

/** The members that net.Server uses. */
export interface LibuvHandle {
  close(callback?: () => void): void
  ref(): void
  unref(): void
  hasRef(): boolean
}

type CreateHandle = (address: null, port: null, type: null, fd: number) => LibuvHandle | number

/**
 * Returns a descriptor of the socket, which the caller closes.
 *
 * @param giveUp the receiver of the descriptor accepts instead of our I/O thread
 * @throws the system's error; ERR_INVALID_HANDLE_TYPE on a system without such descriptors
 */
export function listeningFd(server: number, giveUp: boolean): number {
  const { errno, fd } = listeningDescriptor(environment.native, server, giveUp)
  if (fd === -1) {
    if (errno > 0) throw systemError(getSystemErrorName(-errno), 'dup')
    throw ERR_INVALID_HANDLE_TYPE('the server does not listen, or the system has no descriptors for it')
  }
  return fd
}

/** Returns a handle on the socket that libuv does not watch yet. For the errors see `listeningFd`. */
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
