/** Whether a program would notice messages that no peer has sent. */
import { channel } from 'node:diagnostics_channel'

import { debug } from '../debug.js'
import { isObserved } from './performance-entries.js'
import { isTraced } from './trace-events.js'

/**
 * @param channels names of channels of diagnostics_channel that report the messages
 * @param replaceable returns the methods that the messages call and that programs may replace. They are as we made them when this
 *   is called
 * @returns whether a program observes, measures or logs messages, or has replaced a method
 */
export function watchFor(channels: string[], replaceable: () => unknown[]): () => boolean {
  const reports = channels.map((name) => channel(name))
  const originals = replaceable()
  return () =>
    debug !== null ||
    isObserved() ||
    isTraced() ||
    reports.some(({ hasSubscribers }) => hasSubscribers) ||
    replaceable().some((method, index) => method !== originals[index])
}
