/** Messages of Node's own classes that stand in for ours, where Node alone can tell of something: nobody ever sees them. */
import type { Channel } from 'node:diagnostics_channel'
import http from 'node:http'

/** What the constructor of a response looks at. */
const REQUEST = { method: 'GET', url: '/', headers: {}, httpVersionMajor: 1, httpVersionMinor: 1 }

/** The register module puts ours in their place. */
export const NodeResponse = http.ServerResponse as unknown as NodeClass<[request: object]>
export const NodeRequest = http.ClientRequest as unknown as NodeClass<[options: object]>

interface NodeClass<A extends unknown[]> {
  new (...args: A): object
  readonly prototype: { _finish(): void }
}

/** Runs `act`; what it publishes on `channel` is not for subscribers. */
export function unpublished<T>(channel: Channel, act: () => T): T {
  channel.publish = () => {}
  try {
    return act()
  } finally {
    delete (channel as Partial<Channel>).publish
  }
}

/** Does what Node's constructor of responses does to `response`. */
export function beginResponse(response: object): void {
  ;(NodeResponse as unknown as (this: object, request: object) => void).call(response, REQUEST)
}

/** What Node does when a message has been handed over, done to one that has `members` and nothing else. */
export function finish<M extends object>({ prototype }: NodeClass<never[]>, members: M): M {
  // One without a socket has nothing to finish.
  const message = Object.assign(Object.create(prototype), { socket: {} }, members)
  prototype._finish.call(message)
  return message
}
