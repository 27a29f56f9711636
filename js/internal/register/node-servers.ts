/**
 * Under the register module, servers of node:http2 with `allowHTTP1`, and servers of node:https that were made before ferrohttp's
 * https was in place, stay Node's, and their messages become ours. An application that is served by both protocols has one class
 * to inherit from, and that is ours.
 *
 * These modules use a function of node:http that reads the classes of messages from the options, and get ours instead when they are
 * loaded. Where they have been loaded before, the functions that make servers are replaced.
 */
import { http2Servers } from './http2-servers.js'
import { innerModule } from './inner-modules.js'
import { isLoaded, readByNode } from './when-used.js'

export interface MessageClasses {
  IncomingMessage?: unknown
  ServerResponse?: unknown
}

type StoreOptions = (this: unknown, options: MessageClasses) => void

/** @param classes returns our classes, which may have to be loaded */
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
