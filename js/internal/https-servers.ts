/**
 * node:https under the register module: servers stay Node's, their messages are of our classes. A program that serves one
 * application by both protocols inherits from one message class, which is ours.
 */
import https from 'node:https'

import { IncomingMessage } from '../incoming.js'
import { ServerResponse } from '../response.js'

type Listener = (...args: unknown[]) => void
type NodeServer = new (options: object | undefined, listener?: Listener) => https.Server

/** Makes the replacements of https.Server and https.createServer. */
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

/** An argument that is not an object is passed to Node, which refuses it. */
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
