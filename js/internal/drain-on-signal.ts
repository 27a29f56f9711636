/** FERROHTTP_DRAIN: what SIGTERM does to a program that knows nothing of ferrohttp. */
import type { Worker } from 'node:cluster'

import type { DrainOptions, DrainResult } from '../types.js'
import { drainOptions } from './variables.js'

interface Drainable {
  drain(options: DrainOptions): Promise<DrainResult>
}

let isWatching = false

/** Has SIGTERM drain the servers that `servers` returns then, where FERROHTTP_DRAIN is set. */
export function drainOnSignal(servers: () => Iterable<Drainable>): void {
  const options = drainOptions()
  if (isWatching || options === undefined || !getsSignals()) return
  isWatching = true
  onTermination(() => Promise.all(Array.from(servers(), (server) => server.drain(options))))
}

/** Has SIGTERM reach the workers of a cluster, which would end at once when their primary does. */
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

/** Only the main thread does. Loaded here, because the register module loads nothing that a program may not need. */
function getsSignals(): boolean {
  return (require('node:worker_threads') as typeof import('node:worker_threads')).isMainThread
}

function terminate(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve())
    worker.process.kill('SIGTERM')
  })
}

/** The signal has its usual effect after `act`, unless the program listens for it and so decides by itself how it ends. */
function onTermination(act: () => Promise<unknown>): void {
  let isEnding = false
  const listener = async (): Promise<void> => {
    // Sent more than once where it goes to a group of processes, and `npm` forwards it besides.
    if (isEnding) return
    isEnding = true
    await act()
    process.off('SIGTERM', listener)
    if (process.listenerCount('SIGTERM') === 0) process.kill(process.pid, 'SIGTERM')
  }
  process.on('SIGTERM', listener)
}
