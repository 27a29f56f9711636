/** Reads the records about servers, and about the ends of connections. */
import { kDropped, kOverload } from '../symbols.js'
import * as fields from '../../native/record-fields.js'
import * as r from '../../native/records.js'
import type { Failure, NativeListener } from './receiver.js'
import type { FastBuffer } from './record-reader.js'

/** The servers of a thread by their numbers, see `Environment`. */
interface Servers {
  readonly servers: Map<number, NativeListener>
  readonly closing: Set<number>
  readonly outliving: Set<number>
}

/** Whether a record is about a server, not about a connection: its slot is the server's number. */
export function isOfServer(type: number): boolean {
  return type === r.IN_OVERLOAD || type === r.IN_LISTENER_CLOSED || type === r.IN_DROPPED
}

/** Serves one record for which `isOfServer` is true. */
export function deliverToServer(
  { servers, closing, outliving }: Servers,
  bytes: FastBuffer,
  inWords: Uint32Array,
  at: number,
): void {
  const word = at >> 2
  const number = fields.slot(inWords, word)
  const server = servers.get(number)
  switch (fields.kind(inWords, word)) {
    case r.IN_OVERLOAD: {
      const delay = fields.overloadDelay(inWords, word) / 1_000
      server?.[kOverload](fields.flags(inWords, word) !== 0, delay, fields.overloadRefused(inWords, word))
      break
    }
    case r.IN_DROPPED:
      server?.[kDropped](addresses(bytes, inWords, at))
      break
    default:
      if (!outliving.has(number)) servers.delete(number)
      closing.delete(number)
  }
}

/** The text of a record with the addresses of a connection's ends. */
export function addresses(bytes: FastBuffer, inWords: Uint32Array, at: number): string {
  const length = fields.endpointsAddressesLength(inWords, at >> 2)
  const start = at + fields.ENDPOINTS_PAYLOAD
  return length === 0 ? '' : bytes.latin1Slice(start, start + length)
}

/** The failed attempts of a record IN_CONNECT_FAILED. */
export function failures(inWords: Uint32Array, at: number): Failure[] {
  return Array.from({ length: fields.connectFailedAttempts(inWords, at >> 2) }, (_, i) => {
    const own = (at + fields.CONNECT_FAILED_PAYLOAD + i * fields.FAILURE_BYTES) >> 2
    return {
      errno: fields.failureErrno(inWords, own),
      step: fields.failureStep(inWords, own),
      index: fields.failureIndex(inWords, own),
    }
  })
}
