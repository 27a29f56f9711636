/**
 * The servers of node:http2 with `allowHTTP1`, and those of node:https that a program has made before ferrohttp's https was in
 * place, under the register module: they stay Node's, the messages they make become ours. A program that serves one application by both protocols has but one class to inherit
 * from, and that is ours then.
 *
 * They leave it to a function of node:http to take the classes of their messages from the options, and get another one of us
 * when they are loaded. Where something has loaded them before, the functions that make them are replaced.
 */
import { http2Servers } from './http2-servers.js'
import { innerModule } from './inner-modules.js'
import { isLoaded, readByNode } from './when-used.js'

export interface MessageClasses {
  IncomingMessage?: unknown
  ServerResponse?: unknown
}

type StoreOptions = (this: unknown, options: MessageClasses) => void

/** @param classes gives ours, which it may have to load */
export function serveWithOurMessages(classes: () => MessageClasses): void {
  if (isLoaded('http2')) {
    const http2 = process.getBuiltinModule('http2')
    putAll(http2, http2Servers(http2, classes))
  }
  const server = innerModule('_http_server')
  if (typeof server?.['storeHTTPOptions'] === 'function') lendStoreOptions(server, classes)
}

function lendStoreOptions(server: Record<string, unknown>, classes: () => MessageClasses): void {
  let store = server['storeHTTPOptions'] as StoreOptions
  const original = store
  function storeHTTPOptions(this: unknown, options: MessageClasses): void {
    const { IncomingMessage, ServerResponse } = classes()
    original.call(this, {
      ...options,
      IncomingMessage: options.IncomingMessage || IncomingMessage,
      ServerResponse: options.ServerResponse || ServerResponse,
    })
  }
  Object.defineProperty(server, 'storeHTTPOptions', {
    configurable: true,
    enumerable: true,
    get: function get() {
      return readByNode(get) === null ? store : storeHTTPOptions
    },
    set(assigned: StoreOptions) {
      store = assigned
    },
  })
}

function putAll(module: object, members: object): void {
  for (const [name, value] of Object.entries(members))
    Object.defineProperty(module, name, { value, writable: true, enumerable: true, configurable: true })
}
