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
  configure(server: number, config: ServerConfig): void
  closeListener(server: number): void
  addresses(slot: number, generation: number): Addresses
  counters(slot: number, generation: number): [read: number, written: number] | null
  setRef(on: boolean): void
  connectionCounts(): [accepted: number, open: number]
}

interface Native {
  BindingEnvironment: new (onWake: () => void, inbound: Uint8Array, outbound: Uint8Array) => NativeEnvironment
  parserErrors(): { code: string; reason: string; status: number }[]
  methods(): string[]
  requestIoThreads(count: number): boolean
}

// The generated loader is CommonJS beside the sources; `require` keeps TypeScript from looking for its types.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const native = require('../../js/native/binding.js') as Native

export const { BindingEnvironment, parserErrors, methods, requestIoThreads } = native
