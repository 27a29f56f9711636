/**
 * node:https under the register module: its servers stay Node's, the messages they make become ours. A program that
 * serves one application by both protocols has but one class to inherit from, and that is ours then.
 */
import https from 'node:https'

import { IncomingMessage } from '../incoming.js'
import { ServerResponse } from '../response.js'

type Listener = (...args: unknown[]) => void
type NodeServer = new (options: object | undefined, listener?: Listener) => https.Server

/** What to put in the place of https.Server and https.createServer. */
export function httpsServers(): { Server: unknown; createServer: unknown } {
  const NodeServer = https.Server as unknown as NodeServer

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
  return { Server, createServer }
}

/** What is no object of options goes to Node as it is, to be refused there. */
function withOurMessages(options?: object | Listener, listener?: Listener): [object | undefined, Listener | undefined] {
  if (typeof options === 'function') return withOurMessages({}, options as Listener)
  if (options === undefined || options === null) return withOurMessages({}, listener)
  if (typeof options !== 'object' || Array.isArray(options)) return [options, listener]
  const given = options as { IncomingMessage?: unknown; ServerResponse?: unknown }
  return [
    {
      ...given,
      IncomingMessage: given.IncomingMessage ?? IncomingMessage,
      ServerResponse: given.ServerResponse ?? ServerResponse,
    },
    listener,
  ]
}
