/** Our own types that users see. They refer to Node's types only, because users' programs check all types that they refer to. */
import type { EventEmitter } from 'node:events'
import type { Agent, ClientRequest, OutgoingHttpHeaders } from 'node:http'

/** The client that `createClient` makes. Emits 'error' for each request that fails, and 'end' when the server ends a connection. */
export interface LegacyClient extends EventEmitter {
  /** The server's name or address. */
  readonly host: string
  /** The server's port. */
  readonly port: number
  /** The agent of all its requests. */
  readonly agent: Agent
  /** Begins a request. The caller ends it. */
  request(method: string, path: string, headers?: OutgoingHttpHeaders): ClientRequest
  /** As above, with the method GET. */
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

/**
 * Paths that I/O threads answer, so that they are answered while JavaScript is blocked. 'request' is not emitted for them. At least one
 * path is required.
 */
export interface HealthOptions {
  /** The path that says whether the event loop of the server's thread turns. */
  path?: string
  /** The path that says whether, besides, the server is not being drained. */
  readyPath?: string
  /** The time in milliseconds for which the event loop may be blocked, 5,000 by default. */
  maxDelay?: number
  /** The status code when the server is not healthy, 503 by default. */
  status?: number
}

/**
 * When a server refuses requests. I/O threads answer them with 503 and Retry-After, and 'request' is not emitted for them. The event
 * 'overload' says when it begins and ends.
 */
export interface OverloadOptions {
  /**
   * The time in milliseconds that requests may wait for the server's thread: 50 by default, no limit if there is only `maxPending`.
   */
  maxQueueDelay?: number
  /** The time in milliseconds for which all of them have to wait longer before the server begins to refuse, 100 by default. */
  interval?: number
  /** Number of requests that may be unanswered. Any number by default. */
  maxPending?: number
  /** Retry-After of the refusals, in seconds, 1 by default. */
  retryAfter?: number
  /** Paths of requests that are never refused. `*`, only at the end of one, stands for any further characters. */
  exempt?: readonly string[]
}

/** The argument of listeners of a server's 'overload'. */
export interface OverloadEvent {
  /** Whether the server refuses requests from now on. */
  active: boolean
  /** The time in milliseconds that the oldest request has waited. */
  queueDelay: number
  /** Number of requests that the server has refused. */
  refused: number
}

/** The result of `server.drain()`. */
export interface DrainResult {
  /** Number of connections that had to be destroyed. */
  cut: number
}

/** Times in milliseconds. Quantiles are at most a sixteenth too large. */
export interface Times {
  /** Number of times. */
  count: number
  /** Their average. */
  mean: number
  /** Half of them are at most this long. */
  p50: number
  /** 90 of a hundred are at most this long. */
  p90: number
  /** 99 of a hundred are at most this long. */
  p99: number
  /** 999 of a thousand are at most this long. */
  p999: number
  /** The longest one. */
  max: number
}

/** Numbers of open native connections by what they are doing. */
export interface ConnectionStates {
  /** A client's connection has no socket yet. */
  connecting: number
  /** The TLS handshake is not complete. */
  handshaking: number
  /** No exchange is under way. */
  idle: number
  /** A message is being received. */
  receiving: number
  /** A response is awaited. */
  waiting: number
  /** They have left HTTP. */
  upgraded: number
  /** Their last bytes are being sent. */
  closing: number
  /** Number of all these that the JavaScript thread reads itself. */
  lent: number
}

/** The connections and requests of all agents for one host and port. */
export interface OriginStats {
  /** Number of connections in use. */
  sockets: number
  /** Number of idle connections. */
  freeSockets: number
  /** Number of requests that wait for a connection. */
  requests: number
}

/** Connections of servers, or of clients. */
export interface RoadStats {
  /** Number of connections so far that an I/O thread serves. */
  native: number
  /** Number of connections so far that the JavaScript thread reads and writes. */
  compatible: number
  /** Number of native connections that are open now. */
  open: number
  /** Numbers of open connections by their state. */
  states: ConnectionStates
  /** Bytes received by native connections so far. */
  received: number
  /** Bytes sent by native connections so far. */
  sent: number
  /** Number of errors so far by code: of parsing, and of the system, such as ECONNRESET. */
  errors: Record<string, number>
}

/** Counts of this JavaScript thread so far, and its present state. */
export interface Stats {
  /** Requests that servers have received on native connections. */
  requests: {
    /**
     * Number of requests on native connections that I/O threads passed to JavaScript. JavaScript passes them to handlers. It answers
     * some itself: a probe that arrived while another request of its connection was unanswered, a request without Host, and requests
     * beyond `maxRequestsPerSocket`.
     */
    served: number
    /** Number of probes of servers' health that were answered, see `HealthOptions`. */
    probes: number
    /** Number of requests that were refused, see `OverloadOptions`. */
    refused: number
  }
  /** Of requests on native connections. */
  times: {
    /** How long requests have waited for the JavaScript thread. */
    queueDelay: Times
    /** How long handlers have occupied that thread when they were called. */
    handler: Times
    /** From the receipt of a request's head to the end of its response. Requests that follow an unanswered one of their connection are not measured. */
    request: Times
  }
  /** Connections of servers. */
  server: RoadStats
  /** Connections of clients. */
  client: RoadStats
  /** Numbers of timeouts that have passed, by their kinds. */
  timeouts: {
    /** Number of times that headersTimeout or requestTimeout has ended a request. */
    request: number
    /** Number of times that a socket was inactive for too long. */
    socket: number
    /** Number of times that keepAliveTimeout has ended a native connection. */
    keepAlive: number
  }
  /** The servers of `https` that have begun to listen and the connections of its agents, by the implementation of their TLS. */
  https: {
    /** Number of servers whose TLS is on I/O threads, that have begun to listen. */
    native: number
    /** Number of servers whose TLS is node:tls, by the option or event that needs it. */
    compatible: Record<string, number>
    /** Connections of https agents. */
    clients: {
      /** Connections whose TLS is on I/O threads. */
      native: number
      /** Connections whose TLS is node:tls, by the option or event that needs it. */
      compatible: Record<string, number>
    }
    /** Handshakes of servers on I/O threads. */
    handshakes: {
      /** Number of complete handshakes. */
      completed: number
      /** Number of the complete ones that have resumed a session. */
      resumed: number
      /** Number of failed handshakes. */
      failed: number
    }
  }
  /** The state of all agents' pools. */
  agents: OriginStats & {
    /** These numbers by `host:port`; `other` for names that do not begin so. */
    origins: Record<string, OriginStats>
  }
  /** The I/O threads of the process. */
  threads: {
    /** Milliseconds of CPU since the start of the thread, null where the system does not report it. */
    cpu: number | null
    /** Milliseconds since the start of the thread. */
    elapsed: number
  }[]
}
