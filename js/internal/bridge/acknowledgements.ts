/**
 * Acknowledgements of writes that this thread has carried out itself. The callbacks are called in a tick, as with a socket of Node,
 * and not within the flush.
 */
import type { NativeReceiver } from './receiver.js'
import { forEachIsolated } from '../node-parity/isolated-callbacks.js'
import { nextTick } from '../timers.js'

export class Acknowledgements {
  /** Connections whose callbacks have not been called yet. */
  #connections: NativeReceiver[] = []
  #scheduled = false

  /**
   * The kernel has accepted `count` writes of `connection`. The connection is listed before the writes are counted: if a stack
   * overflow prevents the count, the list has a connection too many, which does no harm.
   */
  add(connection: NativeReceiver, count: number): void {
    this.#connections.push(connection)
    connection.acknowledged += count
  }

  /** Schedules the tick, if callbacks are due. The flag is set last, because `nextTick` may throw. */
  schedule(): void {
    if (this.#connections.length === 0 || this.#scheduled) return
    nextTick(this.#deliver)
    this.#scheduled = true
  }

  readonly #deliver = (): void => {
    this.#scheduled = false
    const connections = this.#connections
    this.#connections = []
    forEachIsolated(connections, acknowledge)
  }
}

function acknowledge(connection: NativeReceiver): void {
  const count = connection.acknowledged
  connection.acknowledged = 0
  if (count > 0) connection.onAck(count, true)
}
