/**
 * Servers and sockets that a program passes on: `child.send(message, handle)`, `spawn(…, { stdio: [socket] })` and
 * `otherServer.listen(server)`. Node takes the libuv handle in `_handle` and passes it to C++. Ours get such a handle just before,
 * or the call throws: any other object must never reach C++.
 */
import { ChildProcess } from 'node:child_process'
import net from 'node:net'

import { ListenHandle } from '../server/listen-handle.js'
import { isNative, makePlain } from './plain-socket.js'

/** An IPC channel of this process: to a child, or to its parent. */
interface Channel {
  _send?: Send
}

type Send = (this: Channel, message: unknown, handle?: unknown, ...others: unknown[]) => boolean

interface Listening {
  _handle?: unknown
  handle?: unknown
}

type Spawn = (this: ChildProcess, options: { stdio?: unknown }) => number

/** Node's own methods, which are replaced below. */
const { listen } = net.Server.prototype
const { spawn } = ChildProcess.prototype as unknown as { spawn: Spawn }

/** As in Node, a server that listens on the socket of another one gets all further connections. */
function listenOn(this: net.Server & Listening, ...args: unknown[]): net.Server {
  // Node throws for a server that listens already.
  if (!this._handle) args[0] = listenTarget(args[0])
  return Reflect.apply(listen as (...args: unknown[]) => net.Server, this, args)
}

function listenTarget(given: unknown): unknown {
  if (given instanceof ListenHandle) return given.giveUp()
  const { _handle: own, handle } = (given ?? {}) as Listening
  if (own instanceof ListenHandle) return own.giveUp()
  return handle instanceof ListenHandle ? handle.giveUp() : given
}

function spawnWith(this: ChildProcess, options: { stdio?: unknown }): number {
  const stdio = options?.stdio
  if (Array.isArray(stdio)) for (const stream of stdio) if (isNative(stream)) makePlain(stream)
  const result = Reflect.apply(spawn, this, [options])
  watchChannel(this as Channel)
  return result
}

/** Replaces the method that all messages with handles go through. */
function watchChannel(channel: Channel): void {
  const send = channel._send
  if (typeof send !== 'function') return
  channel._send = function _send(message, handle, ...others) {
    if (isNative(handle)) {
      makePlain(handle)
    } else if (handle instanceof ListenHandle) {
      handle = handle.passable()
    } else if (handle instanceof net.Server) {
      const server = handle as Listening
      const own = server._handle
      if (own instanceof ListenHandle) {
        server._handle = own.passable()
        try {
          return Reflect.apply(send, this, [message, handle, ...others])
        } finally {
          server._handle = own
        }
      }
    }
    return Reflect.apply(send, this, [message, handle, ...others])
  }
}

Object.defineProperty(listenOn, 'name', { value: 'listen' })
Object.defineProperty(spawnWith, 'name', { value: 'spawn' })
net.Server.prototype.listen = listenOn as typeof listen
;(ChildProcess.prototype as unknown as { spawn: Spawn }).spawn = spawnWith
watchChannel(process as unknown as Channel)

// The bundler treats a module without exports as CommonJS.
export {}
