/** `request.signal`: aborted when the connection closes before the request has been answered. */
import type { IncomingMessage } from '../../incoming.js'

/** The socket given to the constructor or assigned later. Undefined before that on a native connection. */
export const kOwnSocket = Symbol('ferrohttp.ownSocket')
/** The connection has closed, so there is nothing left to destroy. */
export const kGone = Symbol('ferrohttp.gone')
export const kAbortController = Symbol('ferrohttp.abortController')
/** Aborts the signal when the socket closes; null before the program reads the signal, a no-op after the response was sent. */
export const kCloseListener = Symbol('ferrohttp.closeListener')

/** Defines `signal` on `prototype`. The controller is made when a program first reads it. */
export function defineSignal(prototype: IncomingMessage): void {
  Object.defineProperty(prototype, 'signal', {
    configurable: true,
    get(this: IncomingMessage) {
      let controller = this[kAbortController]
      if (controller === null) {
        controller = this[kAbortController] = new AbortController()
        const cutShort = this.destroyed && (!this.readableEnded || !this.complete)
        if (cutShort || this[kGone]) controller.abort()
        else watchSocket(this)
      }
      return controller.signal
    },
  })
}

/** A native connection calls `[kAbort]`. A message that a program has made from a socket has to listen. */
export function watchSocket(message: IncomingMessage): void {
  const socket = message[kOwnSocket]
  if (!socket || message[kCloseListener] !== null) return
  if (socket.destroyed) {
    abortSignal(message)
    return
  }
  const listener = (): void => {
    abortSignal(message)
  }
  message[kCloseListener] = listener
  socket.once('close', listener)
}

/** The response has been sent: the end of the connection no longer aborts the signal. */
export function unwatchSocket(message: IncomingMessage): void {
  const listener = message[kCloseListener]
  message[kCloseListener] = noListener
  if (listener !== null && listener !== noListener) message[kOwnSocket]?.removeListener('close', listener)
}

function noListener(): void {}

export function abortSignal(message: IncomingMessage): void {
  unwatchSocket(message)
  message[kAbortController]?.abort()
}
