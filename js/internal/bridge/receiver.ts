/** The members of servers and connections that the environment uses. It does not import their classes. */
import type { Socket } from 'node:net'

import type { ClientReceiver, SecureReceiver, ServerReceiver } from './record-reader.js'
import type { Target } from './record-writer.js'
import type { kDropped, kOpened, kOverload } from '../symbols.js'

export interface NativeListener {
  readonly _handle: unknown
  /**
   * A connection was accepted.
   * @param addresses of both ends, see `parseAddresses`
   * @returns whether code of the program may have run
   */
  [kOpened](slot: number, generation: number, addresses: string): boolean
  /** A connection was refused because of `maxConnections`. */
  [kDropped](addresses: string): void
  /** The server begins or stops to refuse requests. `queueDelay` is in milliseconds. */
  [kOverload](active: boolean, queueDelay: number, refused: number): void
}

interface Connected extends Target {
  readonly socket: Socket
  /** Whether it keeps the event loop alive. */
  readonly isActive: boolean
  /** Whether its address is a path. */
  readonly isPath: boolean
  /** Number of writes that the kernel has accepted, and whose callbacks have not been called yet. */
  acknowledged: number
  /** Bytes received and sent, set before `onClosed`. */
  counters: [read: number, written: number] | null
  /**
   * @param errno the operating system's error number, 0 for an orderly end
   * @param requests number of a client's requests of which the kernel may have accepted a byte
   */
  onClosed(errno: number, requests: number): void
  /**
   * Whether the next record of the batch is from the same read as the one that was just served.
   * @param kind of the record, IN_BODY or another
   * @param flags of the record
   * @param isEarlyEnd the record is the error of a message that the peer's FIN has cut off
   * @param length of the body parts of the read, in bytes; 0 if the next record follows a head
   */
  continuesRead(kind: number, flags: number, isEarlyEnd: boolean, length: number): boolean
}

export interface NativeServerReceiver extends ServerReceiver, Connected {
  readonly isClient: false
  /** A request was answered before all of it had arrived, and the program waits for 'finish'. */
  readonly answersEarly: boolean
}

/** A failed attempt to connect. */
export interface Failure {
  errno: number
  /** FAILED_CONNECT or FAILED_BIND. */
  step: number
  /** Position in the list of addresses. */
  index: number
}

export interface NativeClientReceiver extends ClientReceiver, Connected, SecureReceiver {
  readonly isClient: true
  /** The environment's turn in which the connection was reported as established. */
  connectedIn: number
  /** @param index position of its address in the list of addresses, 0 for a path */
  onConnected(index: number, addresses: string): void
  /** @param failures in the order in which the attempts began */
  onConnectFailed(failures: Failure[]): void
}

export type NativeReceiver = NativeServerReceiver | NativeClientReceiver
