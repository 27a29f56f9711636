/** Our own types that users see. They refer to Node's types only, because users' programs check all types that they refer to. */
import type { EventEmitter } from 'node:events'
import type { Agent, ClientRequest, OutgoingHttpHeaders } from 'node:http'

/** The client that `createClient` makes. Emits 'error' for each request that fails, and 'end' when the server ends a connection. */
export interface LegacyClient extends EventEmitter {
  readonly host: string
  readonly port: number
  readonly agent: Agent
  /** `method` may be left out, which means GET. The caller ends the request. */
  request(method: string, path: string, headers?: OutgoingHttpHeaders): ClientRequest
  request(path: string, headers?: OutgoingHttpHeaders): ClientRequest
}

/** Options of `server.drain()`. Times are in milliseconds. */
export interface DrainOptions {
  /**
   * The time for which the server continues to accept connections, 0 by default. A load balancer needs some time to notice that it
   * should send requests elsewhere.
   */
  delay?: number
  /** The time that requests have after that, 30,000 by default. Connections that are open then are destroyed. */
  timeout?: number
  /** Ends delay and timeout at once when it is aborted. */
  signal?: AbortSignal
}

export interface DrainResult {
  /** Number of connections that had to be destroyed. */
  cut: number
}

export interface Stats {
  server: {
    /** Number of connections so far that an I/O thread serves. */
    native: number
    /** Number of connections so far that the JavaScript thread reads and writes. */
    compatible: number
    /** Number of native connections that are open now. */
    open: number
  }
  client: {
    /** Number of connections so far that an I/O thread has opened. */
    native: number
    /** Number of connections so far over streams of the JavaScript thread. */
    compatible: number
    /** Number of native connections that are open now. */
    open: number
  }
  /** The servers of `https` that have begun to listen and the connections of its agents, by the implementation of their TLS. */
  https: {
    /** Servers whose TLS is on I/O threads. */
    native: number
    /** Servers whose TLS is node:tls, by the option or event that needs it. */
    compatible: Record<string, number>
    clients: {
      /** Connections whose TLS is on I/O threads. */
      native: number
      /** Connections whose TLS is node:tls, by the option or event that needs it. */
      compatible: Record<string, number>
    }
  }
  /** The state of all agents' pools. */
  agents: {
    /** Number of connections in use. */
    sockets: number
    /** Number of idle connections. */
    freeSockets: number
    /** Number of requests that wait for a connection. */
    requests: number
  }
}
