/**
 * The addon, loaded. Its types are generated from `crates/binding`; this module narrows them where the generator cannot.
 */
import type * as binding from '../../../js/native/binding.js'
import { loadAddon } from '../addon/load.js'

export type {
  BindingConnectOptions as ConnectOptions,
  BindingListenOptions as ListenOptions,
  BindingServerConfig as ServerConfig,
  BindingGuard,
  BindingHealth,
  BindingIdentity,
  BindingOverload,
  BindingSession as NativeSession,
  BindingSessionConfig as SessionConfig,
  BindingTls,
  BindingTlsClient as NativeTlsClient,
  BindingTlsContext,
  BindingTlsSessions as NativeTlsSessions,
  BindingTlsTrust as NativeTrust,
} from '../../../js/native/binding.js'

/** The TLS of a client's connection. */
export interface ConnectTls {
  client: binding.BindingTlsClient
  /** Sent by SNI. */
  servername?: string | undefined
  /** Receives the sessions of the connection. */
  sessions?: binding.BindingTlsSessions | undefined
}

/** One JavaScript thread's end of the hand-off. */
export interface NativeEnvironment
  extends Omit<
    binding.BindingEnvironment,
    'counters' | 'connectionCounts' | 'connectionStates' | 'requestCounts' | 'times' | 'unsent'
  > {
  /** Number of written bytes that the kernel has not accepted; null after the connection has closed. */
  unsent(slot: number, generation: number): number | null
  counters(slot: number, generation: number): [read: number, written: number] | null
  /** Connections that servers have accepted so far, those of them that are open, and open connections of clients. */
  connectionCounts(): [accepted: number, open: number, clients: number]
  connectionStates(): [servers: binding.BindingConnectionStates, clients: binding.BindingConnectionStates]
  requestCounts(): [served: number, probes: number, refused: number]
  times(): [queueDelay: number[], handler: number[], request: number[]]
}

interface Native
  extends Omit<
    typeof binding,
    | 'adoptConnection'
    | 'BindingAgent'
    | 'BindingEnvironment'
    | 'giveUpConnection'
    | 'listeningDescriptor'
    | 'poolCounts'
  > {
  adoptConnection(environment: NativeEnvironment, server: number, fd: number): binding.BindingAdopted
  giveUpConnection(environment: NativeEnvironment, slot: number, generation: number): binding.BindingGivenUp
  listeningDescriptor(environment: NativeEnvironment, server: number, giveUp: boolean): binding.BindingDescriptor
  BindingAgent: new (environment: NativeEnvironment) => binding.BindingAgent
  /** Sums over all pools of this thread. */
  poolCounts(): [active: number, idle: number, waiting: number]
  BindingEnvironment: new (
    onWake: (inNewTurn: boolean) => void,
    onPhaseEnd: () => void,
    memory: { phase: Uint8Array; inbound: Uint8Array; outbound: Uint8Array },
  ) => NativeEnvironment
}

const native = loadAddon().exports as Native

export const {
  adoptConnection,
  BindingAgent,
  BindingEnvironment,
  BindingSession,
  BindingTls: TlsServer,
  BindingTlsClient: TlsClient,
  BindingTlsSessions: TlsSessions,
  BindingTlsTrust: TlsTrust,
  defaultAnswer,
  giveUpConnection,
  listeningDescriptor,
  methods,
  parserErrors,
  poolAcquire,
  poolAdopted,
  ioThreadUsage,
  poolCounts,
  poolOrigins,
  poolForget,
  poolIdleTime,
  poolKeep,
  poolLeft,
  poolNamed,
  poolNext,
  poolOldest,
  poolOpened,
  poolOrigin,
  poolReleased,
  poolRemoved,
  poolSetBeyondTotal,
  poolSetLimits,
  poolSetShown,
} = native
