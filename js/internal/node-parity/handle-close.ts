/** For 'close', which Node emits after libuv has closed the handle: after the immediates of that turn. */
import { MessageChannel } from 'node:worker_threads'

/** Calls `callback` in the close phase of this turn of the event loop. */
export function onceHandlesClose(callback: () => void): void {
  // The event loop has no other hook after its immediates. Only connections that end with an error get here.
  new MessageChannel().port1.on('close', callback).close()
}
