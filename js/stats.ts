/** Which road connections took: lets users and tests see that plain servers are on the native one. */
import { environment } from './internal/environment.js'
import { nativeClientCount } from './internal/native-client.js'
import { poolCounts } from './internal/native.js'
import { streamClientCount } from './internal/stream-client.js'
import { streamCount } from './internal/stream-port.js'

export interface Stats {
  server: {
    /** Connections accepted by an I/O thread, so far. */
    native: number
    /** Connections fed from JavaScript, so far. */
    compatible: number
    /** Native connections open now. */
    open: number
  }
  client: {
    /** Connections opened by an I/O thread, so far. */
    native: number
    /** Connections over streams of JavaScript's, so far. */
    compatible: number
    /** Native connections open now. */
    open: number
  }
  /** What the pools of all agents have now. */
  agents: {
    /** Connections in use. */
    sockets: number
    /** Connections that idle. */
    freeSockets: number
    /** Requests that wait for a connection. */
    requests: number
  }
}

/** Counts of this JavaScript thread. */
export function stats(): Stats {
  const [native, open, clients] = environment.native.connectionCounts()
  const [sockets, freeSockets, requests] = poolCounts()
  return {
    server: { native, compatible: streamCount(), open },
    client: { native: nativeClientCount(), compatible: streamClientCount(), open: clients },
    agents: { sockets, freeSockets, requests },
  }
}
