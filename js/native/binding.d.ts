/* Written by `npm run build:native`. */

/** An agent's pool, which lives as long as this object. See `js/internal/pool.ts`, the only user. */
export declare class BindingAgent {
  /** An empty pool, which asks `environment` whether native connections stand. */
  constructor(environment: BindingEnvironment)
  /** Names the pool in calls. */
  get number(): number
}

/** See `js/internal/environment.ts`, the only user. */
export declare class BindingEnvironment {
  /**
   * `on_wake` is called when there is something to drain, with whether the event loop has begun another turn since the last
   * call. `on_phase_end` is called at the end of each phase of the event loop for which `memory.phase` asks. `memory` has
   * three Uint8Arrays: `phase`, `inbound` for records to JavaScript, and `outbound` for those of JavaScript.
   */
  constructor(onWake: (arg: boolean) => void, onPhaseEnd: () => void, memory: object)
  /** A larger inbound buffer, after `drain` asked for it. */
  setInbound(inbound: object): void
  /** A larger outbound buffer. */
  setOutbound(outbound: object): void
  /**
   * Copies whole records into the inbound buffer and returns how many bytes; 0 when there is none,
   * `-n` when the next record needs a buffer of `n` bytes. Chunks of the previous call's records
   * must have been taken.
   */
  drain(): number
  /** A large body part of the records drained last. */
  takeChunk(index: number): Buffer
  /**
   * Keeps a Uint8Array alive until the next flush has written it, and answers the number by which that flush's records
   * name it. A buffer that none of them names is released.
   */
  hold(bytes: object): number
  /**
   * Carries out the records in the first `records` bytes of the outbound buffer. The text of the records is in the `text`
   * bytes that follow.
   * `at_once`: this thread writes all of it. Returns how many bytes of ACK records are in the buffer instead, plus one; the
   * number is negative when the flush did not parse, see `ferrohttp_net::Malformed`.
   */
  flush(records: number, text: number, atOnce: boolean): number
  /** Waits until the I/O threads have carried out every flush: what was written is with the kernel, as far as it takes it. */
  settle(): void
  /**
   * Binds and starts to accept; connections of TLS where there is `tls`, whose handshakes may take `handshake_timeout`
   * milliseconds.
   */
  listen(options: BindingListenOptions, config: BindingServerConfig, tls?: BindingTls | undefined | null, handshakeTimeout?: number | undefined | null): BindingListening
  /** Key material of a connection with TLS; null where there is none. */
  exportKeyingMaterial(slot: number, generation: number, what: BindingKeyingMaterial): Buffer | null
  /** Changes what further handshakes of a server go by that has had `tls` from the start. */
  setTls(server: number, tls: BindingTls, handshakeTimeout?: number | undefined | null): void
  /** A server that listens on no socket: it is given connections by `adopt_connection`, until `close_listener`. */
  openServer(config: BindingServerConfig): number
  /**
   * Begins to connect. The outcome is a CONNECTED or CONNECT_FAILED record, or CLOSED if the connection is closed
   * before; what it is asked to do meanwhile is done once it stands.
   */
  connect(options: BindingConnectOptions): BindingConnecting
  /** Changes what a server's connections go by. */
  configure(server: number, config: BindingServerConfig): void
  /**
   * Stops accepting; the port is free when this returns. `accepts_backlog`: connections that the kernel has established are
   * accepted before, and not reset.
   */
  closeListener(server: number, acceptsBacklog: boolean): void
  /** Bytes received and written; null once the connection is gone. */
  counters(slot: number, generation: number): Array<number> | null
  /**
   * Bytes that were written to a connection and that the kernel has not taken; null once it is gone. Waits for the I/O
   * threads to carry out the flushes that they have been given.
   */
  unsent(slot: number, generation: number): number | null
  /** Whether a connection stands, as the I/O thread knows it: what became of it may not have been told yet. */
  isOpen(slot: number, generation: number): boolean
  /** Has `on_wake` called in the next turn of the event loop. */
  wake(): void
  /** Whether pending events keep the event loop alive. */
  setRef(on: boolean): void
  /** Connections accepted so far, those of servers open now, and those of clients. */
  connectionCounts(): Array<number>
}

/** See `ferrohttp_net::Session`. Methods that read return the records that came of it, or null. */
export declare class BindingSession {
  /** The side of a `client`, or of a server. */
  constructor(client: boolean, config: BindingSessionConfig)
  /** The stream brought `data`. Behind an upgrade head nothing is read until the upgrade is declined. */
  feed(data: Uint8Array): Buffer | null
  /** The stream ended. */
  eof(): Buffer | null
  /** Server: the oldest unanswered request's response is out; requests that waited for it are read. */
  answered(close: boolean): Buffer | null
  /** Server: nobody takes the upgrade. */
  declineUpgrade(): Buffer | null
  /** Client: a request's head goes out; `kind` is one of REQUEST_IS_ORDINARY and the others. False out of turn. */
  begin(kind: number): boolean
  /** Client: the request is out. */
  finished(close: boolean): void
  /** Whether a message has begun and not ended. */
  receiving(): boolean
  /** Whether nothing of an exchange is under way. */
  idle(): boolean
}

/** A server's TLS. The constructor throws an Error whose message says which option an I/O thread cannot serve. */
export declare class BindingTls {
  /** See the class. */
  constructor(options: BindingTlsOptions)
}

/**
 * Serves the connection whose socket has the descriptor `fd`, and of which nothing has been read or written. The caller closes
 * its descriptor, also after an error.
 */
export declare function adoptConnection(environment: BindingEnvironment, server: number, fd: number): BindingAdopted

/** A connection that libuv has accepted. */
export interface BindingAdopted {
  /** As in `BindingGivenUp`. */
  errno: number
  /** The connection's id. */
  slot: number
  /** The same. */
  generation: number
  /** Both its ends, as OPEN records have them. */
  addresses: string
}

/** Outcome of `connect`: with `errno` 0 the attempt is under way. */
export interface BindingConnecting {
  /** The operating system's error number, positive. */
  errno: number
  /** Names the connection in records and calls, with `generation`. */
  slot: number
  /** Counts the connections of the slot. */
  generation: number
}

/**
 * Where to connect, and what the connection goes by. Either `path`, or `addresses` and `port`. Times
 * in milliseconds, 0 for none.
 */
export interface BindingConnectOptions {
  /** A host's IP addresses in the resolver's order; `%` and a scope may follow one. */
  addresses?: Array<string>
  /** The port of all of them. */
  port?: number
  /** A Unix socket. */
  path?: string
  /** An IP address to bind; of the peer's scope, if any. */
  localAddress?: string
  /** A port to bind. */
  localPort?: number
  /** autoSelectFamilyAttemptTimeout; absent without autoSelectFamily. */
  attemptTimeout?: number
  /** noDelay. */
  noDelay: boolean
  /** keepAliveInitialDelay when keepAlive is on. */
  tcpKeepAlive?: number
  /** The inactivity timeout until OUT_SOCKET_TIMEOUT changes it. */
  socketTimeout: number
  /** maxHeaderSize in bytes. */
  maxHeaderSize: number
  /** One of VALIDATION_STRICT and the others. */
  validation: number
}

/** A descriptor, or the error number where there is none. */
export interface BindingDescriptor {
  /** As in `BindingGivenUp`. */
  errno: number
  /** As in `BindingGivenUp`. */
  fd: number
}

/** A connection's socket that has been given up. */
export interface BindingGivenUp {
  /** 0, or the system's error number; -1 where it gave none. */
  errno: number
  /** Closing it is the caller's matter; -1 after an error. */
  fd: number
  /** Bytes that were received and that no record has brought. */
  unread?: Buffer
}

/** A certificate and its key. */
export interface BindingIdentity {
  /** The certificate and those that it is signed by, in DER. */
  chain: Array<Buffer>
  /** The private key in DER, as PKCS #8. */
  key: Buffer
}

/** Which key material is asked for (RFC 5705). */
export interface BindingKeyingMaterial {
  /** Bytes of it. */
  length: number
  /** Who asks. */
  label: string
  /** What for, if the label does not say it all. */
  context?: Buffer
}

/** Outcome of `listen`: with `errno` 0 the server runs. */
export interface BindingListening {
  /** The operating system's error number, positive. */
  errno: number
  /** The step that failed. */
  syscall: string
  /** Names the server in records and calls. */
  server: number
  /** Where it is bound, or after a failure what was tried last, if that is not what was asked for; absent for a path. */
  address?: string
  /** The port it is bound to. */
  port?: number
}

/** Where to listen. Either `path`, or `port` with or without `host`. */
export interface BindingListenOptions {
  /** 0 for any. */
  port?: number
  /** An IP address, resolved already; absent for all. `%` and a scope may follow one of IPv6. */
  host?: string
  /** A Unix socket. */
  path?: string
  /** Length of the accept queue. */
  backlog: number
  /** No dual stack. */
  ipv6Only: boolean
  /** SO_REUSEPORT. */
  reusePort: boolean
}

/** One cause for which a message is refused; its index is what ERROR records carry. */
export interface BindingParserError {
  /** Node's `err.code`. */
  code: string
  /** Node's `err.reason`. */
  reason: string
  /** The status of the default answer. */
  status: number
}

/** The agent's members of these names, as numbers. */
export interface BindingPoolLimits {
  maxSockets: number
  maxTotalSockets: number
  maxFreeSockets: number
  keepAlive: boolean
  /** `scheduling` is 'fifo'. */
  oldestFirst: boolean
}

/** What a server's connections go by. Times in milliseconds, 0 for none. */
export interface BindingServerConfig {
  /** maxHeaderSize in bytes. */
  maxHeaderSize: number
  /** Fields in a head, 0 for any number. */
  maxHeadersCount: number
  /** One of VALIDATION_STRICT and the others. */
  validation: number
  /** headersTimeout. */
  headersTimeout: number
  /** requestTimeout. */
  requestTimeout: number
  /** keepAliveTimeout with its buffer. */
  keepAliveTimeout: number
  /** server.timeout. */
  socketTimeout: number
  /** maxConnections; absent for any number. */
  maxConnections?: number
  /** noDelay. */
  noDelay: boolean
  /** keepAliveInitialDelay when keepAlive is on. */
  tcpKeepAlive?: number
  /** Nothing is read from a new connection before an OUT_PAUSE of 0. */
  paused: boolean
}

/** How much a peer may send on a stream. */
export interface BindingSessionConfig {
  /** maxHeaderSize in bytes. */
  maxHeaderSize: number
  /** Fields in a head, 0 for any number. For a client always 0. */
  maxHeadersCount: number
  /** One of VALIDATION_STRICT and the others. */
  validation: number
}

/** Certificates for a name. */
export interface BindingTlsContext {
  /** `*` stands for a first label. */
  name: string
  /** One for each kind of key. */
  identities: Array<BindingIdentity>
}

/** What `tls.createServer` has been given. */
export interface BindingTlsOptions {
  /** `key` and `cert`, one for each kind of key. */
  identities: Array<BindingIdentity>
  /** Those of `addContext`. */
  contexts: Array<BindingTlsContext>
  /** `minVersion`, as the protocol has it. */
  minVersion: number
  /** `maxVersion`, likewise. */
  maxVersion: number
  /** `ciphers`. */
  ciphers: string
  /** Whether those are Node's default. */
  hasDefaultCiphers: boolean
  /** `ecdhCurve`. */
  curves: string
  /** `ALPNProtocols`. */
  alpn: Array<Buffer>
  /** `honorCipherOrder`. */
  honorCipherOrder: boolean
}

/** The whole response to a message that was refused with `status`. */
export declare function defaultAnswer(status: number): string

/** Gives up a connection's socket. What is to be written still leaves; the connection's CLOSED record follows. */
export declare function giveUpConnection(environment: BindingEnvironment, slot: number, generation: number): BindingGivenUp

/**
 * A descriptor of a server's listening socket. With `give_up` the receiver of the descriptor accepts from there on, and the
 * caller closes the server's listener.
 */
export declare function listeningDescriptor(environment: BindingEnvironment, server: number, giveUp: boolean): BindingDescriptor

/** The methods that requests may have, by the index in HEAD records. */
export declare function methods(): Array<string>

/** All causes, by index. */
export declare function parserErrors(): Array<BindingParserError>

/**
 * A request wants a connection, and `waiting` others of its name have none: the member that it gets,
 * POOL_CONNECT, or POOL_WAIT.
 */
export declare function poolAcquire(pool: number, origin: number, waiting: number): number

/** A connection that is no member idles from now on: its member. */
export declare function poolAdopted(pool: number, origin: number, slot: number, generation: number): number

/** Of all pools of this thread: connections in use, idle ones, requests that wait. */
export declare function poolCounts(): Array<number>

/** Gives up the number of a name that has nothing; false if it has something. */
export declare function poolForget(pool: number, origin: number): boolean

/**
 * Milliseconds that a connection may idle, 0 for any time, -1 if it had better not be kept. `timeout` is the agent's,
 * `seconds` the server's hint, `buffer` the agent's distance from it.
 */
export declare function poolIdleTime(timeout: number, seconds: number, buffer: number): number

/**
 * A member idles from now on. False if it does not, because somebody may wait for its room. A native connection is named by
 * slot and generation, any other by POOL_NO_SLOT.
 */
export declare function poolKeep(pool: number, member: number, slot: number, generation: number): boolean

/** A member is known to be dead: it is offered no more. */
export declare function poolLeft(pool: number, member: number): void

/** An idle member has a connection by now. */
export declare function poolNamed(pool: number, member: number, slot: number, generation: number): void

/**
 * Whose turn it is now that a connection of `origin` is gone: the origin whose oldest request gets one, POOL_NONE, or
 * `POOL_BUSY - origin` when none gets one because that origin has connections.
 */
export declare function poolNext(pool: number, origin: number): number

/** The member that has idled for longest, or POOL_NONE. */
export declare function poolOldest(pool: number, origin: number): number

/** A connection has been made: its member. */
export declare function poolOpened(pool: number, origin: number): number

/** The number of a name. */
export declare function poolOrigin(pool: number, name: string): number

/**
 * A connection has nothing to do: POOL_CLOSE, POOL_KEEP, or POOL_SERVE if the oldest request of the queue gets it, which has
 * left the queue.
 */
export declare function poolReleased(pool: number, origin: number, reusable: boolean): number

/** A member is gone. Whether there is room for another in its place. */
export declare function poolRemoved(pool: number, member: number): boolean

/** How far `agent.totalSocketCount` is beyond the members. */
export declare function poolSetBeyondTotal(pool: number, beyond: number): void

/** Sets the limits of a pool. */
export declare function poolSetLimits(pool: number, limits: BindingPoolLimits): void

/** How many sockets `agent.sockets` shows beyond the members, and how many requests `agent.requests` shows. */
export declare function poolSetShown(pool: number, origin: number, beyond: number, waiting: number): void

/** Asks for so many I/O threads; false when they run already. */
export declare function requestIoThreads(count: number): boolean

/** The version that the addon was built as. JavaScript refuses an addon of another version than its own. */
export declare function version(): string
