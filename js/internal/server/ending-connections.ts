/** The connections of a server that the program has destroyed, and whose 'close' is still to come. */
import { environment } from '../bridge/environment.js'
import type { Connection } from './connection.js'

/**
 * Node emits 'close' at the end of the turn in which a program destroys a connection. Here it is emitted when the I/O thread has closed
 * the socket, which may be in a later turn. A server that is closed in the meantime emits its own 'close' after it.
 */
export class EndingConnections {
  /** The connections, the oldest first, and for each the turn of the event loop in which it was destroyed. */
  readonly #turns = new Map<Connection, number>()
  #isAwaited = false

  add(connection: Connection): void {
    this.#turns.set(connection, environment.turn)
  }

  /** @returns whether the server's 'close' is due, because it waited for this connection */
  delete(connection: Connection): boolean {
    return this.#turns.delete(connection) && this.#isAwaited && !this.await()
  }

  /** Returns whether the server's 'close' has to wait. As in Node it precedes the 'close' of connections that were destroyed in this turn. */
  await(): boolean {
    const oldest = this.#turns.values().next().value
    this.#isAwaited = oldest !== undefined && oldest !== environment.turn
    return this.#isAwaited
  }
}
