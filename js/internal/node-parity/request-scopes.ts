/** The async contexts in which requests are served. */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

/**
 * With async context frames (Node 24) a scope of an AsyncResource does not change the resource, so one resource serves a whole
 * connection, as in Node. Without them the connection's next request would see the effect of `enterWith`.
 */
export const SCOPES_ISOLATE = (() => {
  if (Number(process.versions.node.split('.')[0]) < 24) return false
  const storage = new AsyncLocalStorage<boolean>()
  const scope = new AsyncResource('FERROHTTPPROBE')
  scope.runInAsyncScope(() => storage.enterWith(true))
  const isolated = scope.runInAsyncScope(() => storage.getStore()) === undefined
  storage.disable()
  return isolated
})()

export function makeScope(triggerAsyncId?: number): AsyncResource {
  return new AsyncResource('HTTPINCOMINGMESSAGE', { triggerAsyncId, requireManualDestroy: SCOPES_ISOLATE })
}
