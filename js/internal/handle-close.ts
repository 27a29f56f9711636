/** For 'close', which Node emits once a handle has been closed: behind the immediates of the turn that closed it. */
import { MessageChannel } from 'node:worker_threads'

/** Calls `tell` when this turn of the event loop comes to the handles that it closes. */
export function onceHandlesClose(tell: () => void): void {
  // The event loop has no other hook behind its immediates. Only connections that end with an error get here.
  new MessageChannel().port1.on('close', tell).close()
}
