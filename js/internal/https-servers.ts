/** What `node-servers.ts` does for node:https, where something has loaded it before the register module. */
import type https from 'node:https'

import type { MessageClasses } from './node-servers.js'

type Listener = (...args: unknown[]) => void
type NodeServer = new (options: object | undefined, listener?: Listener) => https.Server

/** What to put in the place of https.Server and https.createServer. */
export function httpsServers(
  module: typeof https,
  classes: () => MessageClasses,
): { Server: unknown; createServer: unknown } {
  const NodeServer = module.Server as unknown as NodeServer

  // Node's constructor is callable without `new`, and with `call` by subclasses of the old kind.
  function Server(this: unknown, options?: object | Listener, listener?: Listener): unknown {
    const args = withOurMessages(options, listener)
    if (new.target !== undefined) return Reflect.construct(NodeServer, args, new.target)
    return (NodeServer as unknown as Listener).apply(this, args)
  }
  Server.prototype = NodeServer.prototype
  Object.setPrototypeOf(Server, NodeServer)

  function createServer(options?: object | Listener, listener?: Listener): https.Server {
    return new NodeServer(...withOurMessages(options, listener))
  }
  /** What is no object of options goes to Node as it is, to be refused there. */
  function withOurMessages(
    options?: object | Listener,
    listener?: Listener,
  ): [object | undefined, Listener | undefined] {
    if (typeof options === 'function') return withOurMessages({}, options as Listener)
    if (options === undefined || options === null) return withOurMessages({}, listener)
    if (typeof options !== 'object' || Array.isArray(options)) return [options, listener]
    const given = options as MessageClasses
    const { IncomingMessage, ServerResponse } = classes()
    return [
      {
        ...given,
        IncomingMessage: given.IncomingMessage ?? IncomingMessage,
        ServerResponse: given.ServerResponse ?? ServerResponse,
      },
      listener,
    ]
  }
  return { Server, createServer }
}
