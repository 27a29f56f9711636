/**
 * Puts ferrohttp's https in the place of node:https, which is not loaded before a program requires it, because it loads node:tls
 * and node:crypto. A program that requires it finds our members. A program that imports it loads node:https first. That is
 * noticed, because node:https reads members of `_http_agent`, and the members are replaced before a module that imports it is
 * evaluated.
 */
import { syncBuiltinESMExports } from 'node:module'

import { isLoaded, whenRequired } from './when-used.js'

type Module = Record<string, unknown>

const MEMBERS = ['createServer', 'Server', 'Agent', 'request', 'get', 'globalAgent'] as const

/** The function as it was before a test could replace it. */
const { queueMicrotask } = globalThis
let state: 'untouched' | 'waiting' | 'replaced' = 'untouched'
/** Loads ferrohttp's https, which calls `finishHttps`. */
let load: () => void

/** The first step. */
export function putHttpsInPlace(loadHttps: () => void): void {
  state = 'waiting'
  load = (): void => {
    if (state === 'waiting') loadHttps()
  }
  whenRequired('https', load)
  // Another module was loaded before the register module, and has loaded TLS.
  if (isLoaded('https')) load()
}

/** node:https is being loaded. Its members are replaced before the modules that import it are evaluated. */
export function httpsIsLoading(): void {
  if (state === 'waiting') queueMicrotask(load)
}

/** The second step. Without the first it does nothing. */
export function finishHttps(ours: object): void {
  if (state !== 'waiting') return
  state = 'replaced'
  const module = process.getBuiltinModule('https') as unknown as Module
  for (const name of MEMBERS) {
    const descriptor = Object.getOwnPropertyDescriptor(ours, name)!
    Object.defineProperty(module, name, { ...descriptor, configurable: true, enumerable: true })
  }
  syncBuiltinESMExports()
}
