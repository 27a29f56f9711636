/** The streams that one server serves: opens, checks and closes them. */
import type { Socket } from 'node:net'

import type { Server } from '../../server.js'
import type { Connection } from './connection.js'
import { isChecking, startChecking, stopChecking } from './connections-check.js'
import * as r from '../../native/records.js'
import { StreamPort, type StreamConfig } from './stream-port.js'
import { now } from '../timers.js'

/** Further limits, which each check applies. Times are in milliseconds, 0 for none. */
export interface WatchConfig extends StreamConfig {
  readonly headersTimeout: number
  readonly requestTimeout: number
}

export class StreamConnections {
  readonly #server: Server
  readonly #config: WatchConfig
  readonly #ports = new Set<StreamPort>()

  constructor(server: Server, config: WatchConfig) {
    this.#server = server
    this.#config = config
  }

  open(stream: Socket): void {
    const port = new StreamPort(this.#server, stream, this.#config, (gone) => this.#forget(gone))
    if (stream.closed) return
    this.#ports.add(port)
    // A server that does not listen may have streams, too.
    if (!isChecking(this.#server)) startChecking(this.#server, () => this.checkTimes())
  }

  get empty(): boolean {
    return this.#ports.size === 0
  }

  get connections(): Connection[] {
    return Array.from(this.#ports, ({ connection }) => connection)
  }

  #forget(port: StreamPort): void {
    this.#ports.delete(port)
    if (this.empty && !this.#server.listening) stopChecking(this.#server)
  }

  /** Ends the streams that have passed a deadline. */
  checkTimes(): void {
    const { headersTimeout, requestTimeout } = this.#config
    if (headersTimeout === 0 && requestTimeout === 0) return
    const time = now()
    for (const port of this.#ports) {
      if (port.isLate(time, headersTimeout, requestTimeout)) port.connection.onTimeout(r.TIMEOUT_REQUEST)
    }
  }
}
