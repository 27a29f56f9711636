/**
 * The only module that loads the addon and knows its shapes. Everything else sees the interfaces below.
 */

/** See `BindingListenOptions` in `crates/binding`. */
export interface ListenOptions {
  port?: number
  /** An IP address; absent for all. */
  host?: string
  scopeId?: number
  path?: string
  backlog: number
  ipv6Only: boolean
  reusePort: boolean
}

/** With `errno` 0 the server listens. */
export interface Listening {
  /** The operating system's error number, positive. */
  errno: number
  syscall: string
  server: number
  address?: string
  port?: number
}

/** Where a client connects, and what its connection goes by. Times in milliseconds, 0 for none. */
export interface ConnectOptions {
  /** IP addresses in the resolver's order, `%` and a scope behind those that need one; or `path`. */
  addresses?: string[]
  port?: number
  path?: string
  localAddress?: string
  localPort?: number
  /** autoSelectFamilyAttemptTimeout; absent without autoSelectFamily. */
  attemptTimeout?: number
  noDelay: boolean
  /** The initial delay when keepAlive is on. */
  tcpKeepAlive?: number
  socketTimeout: number
  maxHeaderSize: number
  lenient: boolean
}

/** With `errno` 0 the attempt is under way: IN_CONNECTED, IN_CONNECT_FAILED or IN_CLOSED follows. */
export interface Connecting {
  /** The operating system's error number, positive. */
  errno: number
  slot: number
  generation: number
}

/** What a server's connections go by. Times in milliseconds, 0 for none. */
export interface ServerConfig {
  maxHeaderSize: number
  /** Fields, 0 for any number. */
  maxHeadersCount: number
  lenient: boolean
  headersTimeout: number
  requestTimeout: number
  keepAliveTimeout: number
  socketTimeout: number
  maxConnections?: number
  noDelay: boolean
  tcpKeepAlive?: number
}

export interface Addresses {
  localAddress?: string
  localPort?: number
  remoteAddress?: string
  remotePort?: number
}

/** One JavaScript thread's end of the hand-off. See `crates/binding/src/environment.rs`. */
export interface NativeEnvironment {
  drain(): number
  takeChunk(index: number): Buffer
  flush(records: number, text: number, held?: Uint8Array[] | null): void
  setInbound(buffer: Uint8Array): void
  setOutbound(buffer: Uint8Array): void
  listen(options: ListenOptions, config: ServerConfig): Listening
  connect(options: ConnectOptions): Connecting
  configure(server: number, config: ServerConfig): void
  closeListener(server: number): void
  addresses(slot: number, generation: number): Addresses
  counters(slot: number, generation: number): [read: number, written: number] | null
  setRef(on: boolean): void
  /** Those of servers accepted so far and open now, those of clients open now. */
  connectionCounts(): [accepted: number, open: number, clients: number]
}

export interface SessionConfig {
  maxHeaderSize: number
  /** 0 for any number; always so for a client. */
  maxHeadersCount: number
  lenient: boolean
}

/** The engine for a stream that JavaScript owns: its bytes go in, the same records as from I/O threads come out. */
export interface NativeSession {
  /** The stream brought `data`. Behind an upgrade head nothing is read until the upgrade is declined. */
  feed(data: Uint8Array): Uint8Array | null
  /** The stream ended. */
  eof(): Uint8Array | null
  /** Server: the oldest request's response is out; requests that waited for it are read. */
  answered(close: boolean): Uint8Array | null
  /** Server: nobody takes the upgrade. */
  declineUpgrade(): Uint8Array | null
  /** Client: a request's head goes out; 0 any, 1 HEAD, 2 CONNECT. False out of turn. */
  begin(kind: number): boolean
  /** Client: the request is out. */
  finished(close: boolean): void
  /** A message has begun and not ended. */
  receiving(): boolean
  /** Nothing of an exchange is under way. */
  idle(): boolean
}

interface Native {
  BindingSession: new (client: boolean, config: SessionConfig) => NativeSession
  BindingEnvironment: new (onWake: () => void, inbound: Uint8Array, outbound: Uint8Array) => NativeEnvironment
  parserErrors(): { code: string; reason: string; status: number }[]
  methods(): string[]
  requestIoThreads(count: number): boolean
}

// The generated loader is CommonJS beside the sources; `require` keeps TypeScript from looking for its types.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const native = require('../../js/native/binding.js') as Native

export const { BindingEnvironment, BindingSession, parserErrors, methods, requestIoThreads } = native
