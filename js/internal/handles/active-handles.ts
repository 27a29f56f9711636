/**
 * Adds our servers and connections to what `process` reports as open handles. Test tools and exporters count these, and ours
 * are not handles of libuv.
 */
import type { Socket } from 'node:net'

import { environment } from '../bridge/environment.js'
import { ListenHandle } from '../server/listen-handle.js'
import type { NativeListener } from '../bridge/receiver.js'

interface ProcessWithHandles {
  _getActiveHandles?: () => unknown[]
  getActiveResourcesInfo?: () => string[]
}

interface Active {
  owner: NativeListener | Socket
  /** The name that Node has for such a handle. */
  type: string
}

/** Yields servers that listen and open connections, except those on which the program has called `unref()`. */
function* active(): Iterable<Active> {
  for (const server of environment.servers.values()) {
    const handle = server._handle
    if (handle instanceof ListenHandle && handle.isOurs && handle.hasRef())
      yield { owner: server, type: handle.getsockname === undefined ? 'PipeWrap' : 'TCPServerWrap' }
  }
  for (const connection of environment.connections) {
    if (connection?.isActive !== true) continue
    yield { owner: connection.socket, type: connection.isPath ? 'PipeWrap' : 'TCPSocketWrap' }
  }
}

const { _getActiveHandles: handles, getActiveResourcesInfo: resources } = process as ProcessWithHandles

if (handles !== undefined) {
  ;(process as ProcessWithHandles)._getActiveHandles = function _getActiveHandles() {
    return [...handles.call(process), ...Array.from(active(), ({ owner }) => owner)]
  }
}

if (resources !== undefined) {
  ;(process as ProcessWithHandles).getActiveResourcesInfo = function getActiveResourcesInfo() {
    return [...resources.call(process), ...Array.from(active(), ({ type }) => type)]
  }
}

// The bundler treats a module without exports as CommonJS.
export {}
