/** FERROHTTP_DRAIN: drains servers on SIGTERM, in programs that do not know ferrohttp. */
import type { Worker } from 'node:cluster'
import { constants } from 'node:os'

import type { DrainOptions } from '../../types.js'
import { drainOptions } from '../variables.js'

let isWatching = false

/** If FERROHTTP_DRAIN is set, has `drainAll` drain all servers on SIGTERM. */
export function drainOnSignal(drainAll: (options: DrainOptions) => Promise<unknown>): void {
  const options = drainOptions()
  if (isWatching || options === undefined || !getsSignals()) return
  isWatching = true
  onTermination(() => drainAll(options))
}

/** Forwards SIGTERM to the workers of a cluster, which would end at once together with their primary. */
export function forwardToWorkers(): void {
  if (drainOptions() === undefined || !getsSignals()) return
  const cluster = require('node:cluster') as typeof import('node:cluster').default
  if (!cluster.isPrimary) return
  cluster.once('fork', () => {
    onTermination(() => {
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      return Promise.all(workers.map(terminate))
    })
  })
}

/** Only the main thread receives signals. Loaded here, because the register module loads only what every program needs. */
function getsSignals(): boolean {
  return (require('node:worker_threads') as typeof import('node:worker_threads')).isMainThread
}

function terminate(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve())
    worker.process.kill('SIGTERM')
  })
}

/** After `act` the signal has its usual effect, unless the program listens for it and decides itself how it ends. */
function onTermination(act: () => Promise<unknown>): void {
  let isEnding = false
  const listener = async (): Promise<void> => {
    // The signal may arrive twice: once for the group of processes, and once more from `npm`, which forwards it.
    if (isEnding) return
    isEnding = true
    await act()
    process.off('SIGTERM', listener)
    if (process.listenerCount('SIGTERM') > 0) return
    process.kill(process.pid, 'SIGTERM')
    // The kernel drops signals without a handler for process 1, which a program is in most containers.
    if (process.pid === 1) process.exit(128 + constants.signals.SIGTERM)
  }
  // Ahead of the program's listeners, which may close servers.
  process.prependListener('SIGTERM', listener)
}
