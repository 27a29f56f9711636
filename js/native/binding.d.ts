/* Written by `npm run build:native`. */

/** An agent's pool, which exists as long as this object. See `js/internal/client/pool.ts`, the only user. */
export declare class BindingAgent {
  /** An empty pool, which asks `environment` whether native connections are open. */
  constructor(environment: BindingEnvironment)
  /** The number of the pool in calls. */
  get number(): number
}

/** See `js/internal/bridge/environment.ts`, the only user. */
export declare class BindingEnvironment {
  /**
   * `on_wake` is called when there is something to drain. `on_phase_end` is called at the end of each phase of the event loop for
   * which `memory.phase` asks. `memory` has three Uint8Arrays: `phase`, `inbound` for records to JavaScript, and `outbound` for
   * those of JavaScript.
   */
  constructor(onWake: () => void, onPhaseEnd: () => void, memory: object)
  /**
   * The functions `drain` and `flush`.
   *
   * `drain` copies complete records into the inbound buffer. It returns their number of bytes, 0 when there is no record, and
   * `-n` when the next record needs a buffer of `n` bytes. The chunks of the previous call's records must have been taken.
   *
   * `flush` carries out the records in the first bytes of the outbound buffer, whose text is in the bytes that follow; their
   * numbers are `records` and `text`. `atOnce`: this thread writes everything itself. It returns the number of bytes of ACK
   * records that are in the buffer now, plus one. The result is negative when the flush did not parse, see
   * `ferrohttp_net::Malformed`.
   */
  crossing(): { drain(): number; flush(records: number, text: number, atOnce: boolean): number }
  /** Sets a larger inbound buffer, after `drain` has asked for it. */
  setInbound(inbound: object): void
  /** Sets a larger outbound buffer. */
  setOutbound(outbound: object): void
  /** Takes a large body part of the records that were drained last. */
  takeChunk(index: number): Buffer
  /**
   * Keeps a Uint8Array alive until the next flush has written it. Returns the number by which that flush's records name it. A
   * buffer that none of them names is released.
   */
  hold(bytes: object): number
  /** Waits until the I/O threads have carried out all flushes, so that the kernel has all bytes that it accepts. */
  settle(): void
  /**
   * Binds and starts to accept; connections of TLS where there is `tls`, whose handshakes may take `handshake_timeout`
   * milliseconds.
   */
  listen(options: BindingListenOptions, config: BindingServerConfig, tls?: BindingTls | undefined | null, handshakeTimeout?: number | undefined | null): BindingListening
  /** Key material of a connection with TLS; null where there is none. */
  exportKeyingMaterial(slot: number, generation: number, what: BindingKeyingMaterial): Buffer | null
  /** Limits the plaintext of further records of a connection with TLS; false where there is none, or where TLS forbids the size. */
  setTlsFragment(slot: number, generation: number, size: number): boolean
  /**
   * Continues a handshake that IN_HELLO has reported, as the program has decided. Without `tls` the server's own TLS is used, and
   * without `protocols` the protocols of that TLS. An empty protocol refuses the client.
   */
  answerHello(slot: number, generation: number, tls?: BindingTls | undefined | null, protocols?: Array<Buffer> | undefined | null): void
  /** Changes the configuration of further handshakes of a server with TLS. */
  setTls(server: number, tls: BindingTls, handshakeTimeout?: number | undefined | null): void
  /** Adds a server without a listening socket, which gets its connections by `adopt_connection` until `close_listener`. */
  openServer(config: BindingServerConfig, guard?: BindingGuard | undefined | null): number
  /** The server is being drained: probes say so. */
  setDraining(server: number, on: boolean): void
  /**
   * Numbers of requests that were passed to handlers, of probes that I/O threads have answered, and of requests that they have
   * refused.
   */
  requestCounts(): Array<number>
  /**
   * Measured times in microseconds, see `js/internal/extensions/histogram.ts`: of waiting for this thread, of handlers, of
   * requests as a whole.
   */
  times(): Array<Array<number>>
  /** Open connections of servers and of clients, by what they are doing. */
  connectionStates(): Array<BindingConnectionStates>
  /**
   * Begins to connect. The outcome is a CONNECTED or CONNECT_FAILED record, or CLOSED if the connection is closed before.
   * Commands in the meantime take effect when the connection is established.
   *
   * With `client` the connection has TLS. It sends `server_name` by SNI, and keeps its sessions in `sessions`.
   */
  connect(options: BindingConnectOptions, client?: BindingTlsClient | undefined | null, serverName?: string | undefined | null, sessions?: BindingTlsSessions | undefined | null): BindingConnecting
  /** Changes the settings of a server's connections. */
  configure(server: number, config: BindingServerConfig): void
  /**
   * Stops accepting; the port is free when this returns. `accepts_backlog`: connections that the kernel has established are
   * accepted before, and not reset.
   */
  closeListener(server: number, acceptsBacklog: boolean): void
  /** Bytes received and written. Null when the connection is not known any more. */
  counters(slot: number, generation: number): Array<number> | null
  /**
   * Bytes that were written to a connection and that the kernel has not accepted. Null after it has ended. Waits until the I/O
   * threads have carried out all flushes.
   */
  unsent(slot: number, generation: number): number | null
  /** Whether a connection is open, as the I/O thread knows it. Its end may not be reported yet. */
  isOpen(slot: number, generation: number): boolean
  /** Calls `on_wake` in the next turn of the event loop. */
  wake(): void
  /** Whether pending events keep the event loop alive. */
  setRef(on: boolean): void
  /** The number of connections accepted so far, of open connections of servers, and of open ones of clients. */
  connectionCounts(): Array<number>
}

/** See `ferrohttp_net::Session`. Methods that parse return the new records, or null. */
export declare class BindingSession {
  /** A session of a `client`, or of a server. */
  constructor(client: boolean, config: BindingSessionConfig)
  /** Parses `data`, which the stream has received. After an upgrade head nothing is parsed until the upgrade is declined. */
  feed(data: Uint8Array): Buffer | null
  /** The stream has ended. */
  eof(): Buffer | null
  /** Server: the response to the oldest unanswered request has been written. Requests that waited for it are parsed. */
  answered(close: boolean): Buffer | null
  /** Server: the upgrade has no listener. */
  declineUpgrade(): Buffer | null
  /** Client: a request's head is written. `kind` is one of REQUEST_IS_ORDINARY and the others. Returns false out of turn. */
  begin(kind: number): boolean
  /** Client: the request has been written. */
  finished(close: boolean): void
  /** Whether a message has begun and not ended. */
  receiving(): boolean
  /** Whether no exchange is in progress. */
  idle(): boolean
}

/** A server's TLS. The constructor throws an Error whose message says which option an I/O thread cannot serve. */
export declare class BindingTls {
  /**
   * See the class. `clients`: what is trusted when clients are asked for certificates. `base`: TLS of the same server, whose
   * tickets are in use.
   */
  constructor(options: BindingTlsOptions, clients?: BindingTlsTrust | undefined | null, base?: BindingTls | undefined | null)
}

/** The TLS of clients. The constructor throws an Error whose message is the option that an I/O thread does not support. */
export declare class BindingTlsClient {
  /** See the class. */
  constructor(options: BindingTlsClientOptions, trust: BindingTlsTrust)
}

/** The TLS sessions that one connection has received. */
export declare class BindingTlsSessions {
  /** Empty. The connection that it is passed to may resume a session of `from`. */
  constructor(from?: BindingTlsSessions | undefined | null)
}

/** Trusted certificates. */
export declare class BindingTlsTrust {
  /**
   * Certificates in DER. Those that cannot be parsed are trusted for nothing. A path has to end with one of `roots`, and may lead
   * through `others`. `lists` are those of revoked certificates, at most one of each authority. `for_clients`: paths lead from the
   * certificates of clients, not of servers. Throws an Error whose message is the reason why an I/O thread cannot read a list.
   */
  constructor(roots: Array<Buffer>, others: Array<Buffer>, lists: Array<Buffer>, forClients: boolean)
}

/**
 * Serves the connection whose socket has the descriptor `fd`, and on which nothing has been read or written. The caller closes
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
  /** The addresses of both ends, as in OPEN records. */
  addresses: string
}

/** Outcome of `connect`: with `errno` 0 the attempt is under way. */
export interface BindingConnecting {
  /** The operating system's error number, positive. */
  errno: number
  /** The slot of the connection. With `generation` it is its id in records and calls. */
  slot: number
  /** Counts the connections of the slot. */
  generation: number
}

/** Open connections by what they are doing. */
export interface BindingConnectionStates {
  /** There is no socket yet. */
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
  /** Number of all these that JavaScript's thread reads itself. */
  lent: number
  /** Bytes received, also by connections that have closed. */
  received: number
  /** Bytes sent, also by connections that have closed. */
  sent: number
}

/**
 * Where to connect, and the settings of the connection. `path`, `connected`, or `addresses` and `port`. Times are in milliseconds, 0
 * for none.
 */
export interface BindingConnectOptions {
  /** A host's IP addresses in the resolver's order; `%` and a scope may follow one. */
  addresses?: Array<string>
  /** The port of all addresses. */
  port?: number
  /** A Unix socket. */
  path?: string
  /** The descriptor of a connected socket. The caller closes it. */
  connected?: number
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

/** A descriptor, or the error number. */
export interface BindingDescriptor {
  /** As in `BindingGivenUp`. */
  errno: number
  /** As in `BindingGivenUp`. */
  fd: number
}

/** A connection's socket that has been given up. */
export interface BindingGivenUp {
  /** 0, or the system's error number; -1 if there is none. */
  errno: number
  /** The caller has to close it. -1 after an error. */
  fd: number
  /** Bytes that were received and that are in no record. */
  unread?: Buffer
}

/** The requests to a server that I/O threads answer themselves. */
export interface BindingGuard {
  /** Absent if no path is a probe. */
  health?: BindingHealth
  /** Absent if no request is refused. */
  overload?: BindingOverload
}

/** Paths that report a server's health. */
export interface BindingHealth {
  /** Whether JavaScript's thread turns its event loop. */
  live?: string
  /** Whether, besides, the server is not being drained. */
  ready?: string
  /** In milliseconds. */
  maxDelay: number
  /** Status code and reason phrase for a server that is not healthy. */
  failure: string
}

/** A certificate and its key. */
export interface BindingIdentity {
  /** The certificate and those that it is signed by, in DER. */
  chain: Array<Buffer>
  /** The private key in DER, as PKCS #8. */
  key: Buffer
}

/** The keying material that a program requests (RFC 5705). */
export interface BindingKeyingMaterial {
  /** Number of bytes of the keying material. */
  length: number
  /** The label (RFC 5705 section 4). */
  label: string
  /** The context value; absent for none. */
  context?: Buffer
}

/** Outcome of `listen`: with `errno` 0 the server runs. */
export interface BindingListening {
  /** The operating system's error number, positive. */
  errno: number
  /** The step that failed. */
  syscall: string
  /** The id of the server in records and calls. */
  server: number
  /**
   * The address to which it is bound. After a failure the address that was tried last, if it differs from the given one. Absent
   * for a path.
   */
  address?: string
  /** The port to which it is bound. */
  port?: number
}

/** Where to listen. Either `path`, or `port` with or without `host`. */
export interface BindingListenOptions {
  /** 0 for any. */
  port?: number
  /** An IP address, which is resolved already; absent for all addresses. `%` and a scope may follow an IPv6 address. */
  host?: string
  /** A Unix socket. */
  path?: string
  /** Length of the accept queue. */
  backlog: number
  /** No dual stack. */
  ipv6Only: boolean
  /** SO_REUSEPORT. */
  reusePort: boolean
  /** The requests that I/O threads answer themselves; absent for none. */
  guard?: BindingGuard
}

/** When a server refuses requests. Times are in milliseconds. */
export interface BindingOverload {
  /** The time that requests may wait for JavaScript; absent for any time. */
  maxQueueDelay?: number
  /** The time for which they have to wait longer. */
  interval: number
  /** Number of requests that may be unanswered; absent for any number. */
  maxPending?: number
  /** In seconds. */
  retryAfter: number
  /** Paths of requests that are never refused. */
  exempt: Array<string>
}

/** One cause for which a message is refused. ERROR records have its index. */
export interface BindingParserError {
  /** Node's `err.code`. */
  code: string
  /** Node's `err.reason`. */
  reason: string
  /** The status of the default answer. */
  status: number
}

/** The agent's limits, as numbers. */
export interface BindingPoolLimits {
  maxSockets: number
  maxTotalSockets: number
  maxFreeSockets: number
  keepAlive: boolean
  /** `scheduling` is 'fifo'. */
  oldestFirst: boolean
}

/** The connections and requests of a name of the pools. */
export interface BindingPoolOrigin {
  /** As `agent.getName()` returns it. */
  name: string
  /** Connections in use. */
  active: number
  /** Idle connections. */
  idle: number
  /** Requests that wait. */
  waiting: number
}

/** The settings of a server's connections. Times are in milliseconds, 0 for none. */
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
  /** The program listens for 'clientError'. */
  clientErrors: boolean
  /** The program listens for 'timeout' of the server or of a socket. */
  timeoutEvents: boolean
}

/** The limits for a stream's peer. */
export interface BindingSessionConfig {
  /** maxHeaderSize in bytes. */
  maxHeaderSize: number
  /** Fields in a head, 0 for any number. For a client always 0. */
  maxHeadersCount: number
  /** One of VALIDATION_STRICT and the others. */
  validation: number
}

/** One I/O thread. */
export interface BindingThreadUsage {
  /** Milliseconds of CPU so far; null where the system does not report it. */
  cpu?: number
  /** Milliseconds since its start. */
  elapsed: number
}

/** The parts of a client's hello by which a program decides. */
export interface BindingTlsAsks {
  /** The name that the client asks for. */
  names: boolean
  /** The protocols that it offers. */
  protocols: boolean
}

/** The options of `tls.connect`. */
export interface BindingTlsClientOptions {
  /** `key` and `cert`, one for each kind of key. */
  identities: Array<BindingIdentity>
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
  /** Whether the program listens for 'keylog'. */
  logsKeys: boolean
}

/** Certificates for a name. */
export interface BindingTlsContext {
  /** `*` stands for a first label. */
  name: string
  /** One for each kind of key. */
  identities: Array<BindingIdentity>
}

/** The options of `tls.createServer`. */
export interface BindingTlsOptions {
  /** `key` and `cert`, one for each kind of key. */
  identities: Array<BindingIdentity>
  /** The contexts of `addContext`. */
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
  /** The names, in DER, of the authorities that clients are asked for. Of consequence only with `requestCert`. */
  authorities: Array<Buffer>
  /** `rejectUnauthorized`, likewise. */
  rejectUnauthorized: boolean
  /** `ticketKeys`. Without them the I/O threads have keys of their own. */
  ticketKeys?: Buffer
  /** `sessionTimeout` in seconds. Of consequence only with `ticket_keys`. */
  sessionTimeout?: number
  /** The parts of a client's hello by which the program decides. */
  asks: BindingTlsAsks
  /** Whether the program listens for 'keylog'. */
  logsKeys: boolean
}

/** The complete response to a message that was refused with `status`. */
export declare function defaultAnswer(status: number): string

/** Gives up a connection's socket. Bytes that were written before are sent, and the connection's CLOSED record follows. */
export declare function giveUpConnection(environment: BindingEnvironment, slot: number, generation: number): BindingGivenUp

/** All I/O threads of the process that run. */
export declare function ioThreadUsage(): Array<BindingThreadUsage>

/**
 * A descriptor of a server's listening socket. With `give_up` the receiver of the descriptor accepts from now on, and the caller
 * closes the server's listener.
 */
export declare function listeningDescriptor(environment: BindingEnvironment, server: number, giveUp: boolean): BindingDescriptor

/** The methods that requests may have, by the index in HEAD records. */
export declare function methods(): Array<string>

/** All causes, by index. */
export declare function parserErrors(): Array<BindingParserError>

/**
 * A request wants a connection, while `waiting` other requests of its name have none. Returns the member that it gets,
 * POOL_CONNECT, or POOL_WAIT.
 */
export declare function poolAcquire(pool: number, origin: number, waiting: number): number

/** Adds an idle connection that is not a member. Returns its member. */
export declare function poolAdopted(pool: number, origin: number, slot: number, generation: number): number

/** Sums over all pools of this thread: connections in use, idle connections, waiting requests. */
export declare function poolCounts(): Array<number>

/** Removes a name without connections and requests. Returns false, and keeps the name, if there are some. */
export declare function poolForget(pool: number, origin: number): boolean

/**
 * The time in milliseconds that a connection may be idle, 0 for any time, -1 if it should not be kept. `timeout` is the agent's,
 * `seconds` the server's hint, `buffer` the time by which the agent closes earlier.
 */
export declare function poolIdleTime(timeout: number, seconds: number, buffer: number): number

/**
 * Marks a member as idle. Returns false if it is not, because a request may wait for its room. A native connection is named by
 * slot and generation, any other by POOL_NO_SLOT.
 */
export declare function poolKeep(pool: number, member: number, slot: number, generation: number): boolean

/** A member is known to be closed, and is not offered any more. */
export declare function poolLeft(pool: number, member: number): void

/** An idle member has got its native connection. */
export declare function poolNamed(pool: number, member: number, slot: number, generation: number): void

/**
 * Decides who gets a connection after one of `origin` has closed: the origin whose oldest request gets it, POOL_NONE, or
 * `POOL_BUSY - origin` when none gets one because that origin has connections.
 */
export declare function poolNext(pool: number, origin: number): number

/** The member that has been idle for longest, or POOL_NONE. */
export declare function poolOldest(pool: number, origin: number): number

/** A connection has been made. Returns its member. */
export declare function poolOpened(pool: number, origin: number): number

/** The number of a name. */
export declare function poolOrigin(pool: number, name: string): number

/** The names of all pools of this thread. Several pools may have the same name. */
export declare function poolOrigins(): Array<BindingPoolOrigin>

/**
 * The exchange of a connection is over. Returns POOL_CLOSE, POOL_KEEP, or POOL_SERVE if the oldest request of the queue gets the
 * connection. That request has left the queue.
 */
export declare function poolReleased(pool: number, origin: number, reusable: boolean): number

/** Removes a member. Returns whether there is room for another one in its place. */
export declare function poolRemoved(pool: number, member: number): boolean

/** Sets the number by which `agent.totalSocketCount` exceeds the members. */
export declare function poolSetBeyondTotal(pool: number, beyond: number): void

/** Sets the limits of a pool. */
export declare function poolSetLimits(pool: number, limits: BindingPoolLimits): void

/** Sets the number of sockets by which `agent.sockets` exceeds the members, and the number of requests in `agent.requests`. */
export declare function poolSetShown(pool: number, origin: number, beyond: number, waiting: number): void

/** The version of the addon. JavaScript refuses an addon whose version is not its own. */
export declare function version(): string
