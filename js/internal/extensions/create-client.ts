/**
 * `http.createClient` as documented in Node 0.10: a client for one server, which sends one request after another. It was deprecated
 * there already in favour of `request`.
 */
import { EventEmitter } from 'node:events'
import { deprecate } from 'node:util'

import { Agent } from '../../agent.js'
import { request, type ClientRequest } from '../../client.js'
import type { ClientOptions } from '../client/options.js'

/** Emits 'error' for each request that fails, and 'end' when the server ends a connection. */
class Client extends EventEmitter {
  readonly host: string
  readonly port: number
  readonly agent: Agent

  constructor(port: number, host: string) {
    super()
    this.host = host
    this.port = port
    this.agent = new Agent({ maxSockets: 1 })
  }

  /** `method` may be left out, which means GET. The caller ends the request. */
  request(method: string, path?: string | ClientOptions['headers'], headers?: ClientOptions['headers']): ClientRequest {
    if (method.startsWith('/')) return this.request('GET', method, path as ClientOptions['headers'])
    const { host, port, agent } = this
    const made = request({ host, port, agent, method, path: path as string, headers })
    made.on('error', (error) => this.emit('error', error))
    made.on('socket', (socket: EventEmitter) => socket.once('end', () => this.emit('end')))
    return made
  }
}

export const createClient: (port?: number, host?: string) => Client = deprecate(function createClient(
  port = 80,
  host = 'localhost',
): Client {
  return new Client(port, host)
}, 'http.createClient is deprecated. Use `http.request` instead.')
