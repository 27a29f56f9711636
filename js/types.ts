/** Types of ours that users see. They refer to Node's alone: what they refer to is checked in the programs of users. */
import type { EventEmitter } from 'node:events'
import type { Agent, ClientRequest, OutgoingHttpHeaders } from 'node:http'

/** What `createClient` makes. Emits 'error' for each request that fails, and 'end' when the server ends a connection. */
export interface LegacyClient extends EventEmitter {
  readonly host: string
  readonly port: number
  readonly agent: Agent
  /** `method` may be left out: GET. The request is to be ended by the caller. */
  request(method: string, path: string, headers?: OutgoingHttpHeaders): ClientRequest
  request(path: string, headers?: OutgoingHttpHeaders): ClientRequest
}

/** Of `server.drain()`. Times are in milliseconds. */
export interface DrainOptions {
  /**
   * How long the server goes on accepting connections, 0 by default: as long as a load balancer takes to learn that it should
   * send requests elsewhere.
   */
  delay?: number
  /** How long requests may take after that, 30,000 by default. Connections that are open then are destroyed. */
  timeout?: number
  /** When it is aborted, delay and timeout are over. */
  signal?: AbortSignal
}

export interface DrainResult {
  /** Connections that had to be destroyed. */
  cut: number
}

export interface Stats {
  server: {
    /** Connections that an I/O thread serves, so far. */
    native: number
    /** Connections that the JavaScript thread reads and writes, so far. */
    compatible: number
    /** Native connections open now. */
    open: number
  }
  client: {
    /** Connections opened by an I/O thread, so far. */
    native: number
    /** Connections over streams of JavaScript's, so far. */
    compatible: number
    /** Native connections open now. */
    open: number
  }
  /** What the pools of all agents have now. */
  agents: {
    /** Connections in use. */
    sockets: number
    /** Connections that idle. */
    freeSockets: number
    /** Requests that wait for a connection. */
    requests: number
  }
}
