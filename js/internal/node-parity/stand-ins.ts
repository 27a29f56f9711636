/** Messages of Node's own classes that stand in for ours where only Node can report an event. Programs never see them. */
import type { Channel } from 'node:diagnostics_channel'
import http from 'node:http'

/** The members that the constructor of a response reads. */
const REQUEST = { method: 'GET', url: '/', headers: {}, httpVersionMajor: 1, httpVersionMinor: 1 }

/** Node's classes, read before the register module replaces them. */
export const NodeResponse = http.ServerResponse as unknown as NodeClass<[request: object]>
export const NodeRequest = http.ClientRequest as unknown as NodeClass<[options: object]>

interface NodeClass<A extends unknown[]> {
  new (...args: A): object
  readonly prototype: { _finish(): void }
}

/** Runs `act` without subscribers of `channel`. */
export function unpublished<T>(channel: Channel, act: () => T): T {
  channel.publish = () => {}
  try {
    return act()
  } finally {
    delete (channel as Partial<Channel>).publish
  }
}

/** Applies Node's constructor of responses to `response`. */
export function beginResponse(response: object): void {
  ;(NodeResponse as unknown as (this: object, request: object) => void).call(response, REQUEST)
}

/** Makes Node finish a message that has `members` and nothing else. */
export function finish<M extends object>({ prototype }: NodeClass<never[]>, members: M): M {
  // A message without a socket would not be finished.
  const message = Object.assign(Object.create(prototype), { socket: {} }, members)
  prototype._finish.call(message)
  return message
}
