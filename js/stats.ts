/** Counts of connections by their kind, so that users and tests can see that they are native. */
import { environment } from './internal/environment.js'
import { nativeClientCount } from './internal/native-client.js'
import { poolCounts } from './internal/native.js'
import { streamClientCount } from './internal/stream-client.js'
import { streamCount } from './internal/stream-port.js'
import { secureServers } from './internal/tls-counts.js'
import type { Stats } from './types.js'

/** Counts of this JavaScript thread. */
export function stats(): Stats {
  const [native, open, clients] = environment.native.connectionCounts()
  const [sockets, freeSockets, requests] = poolCounts()
  return {
    server: { native, compatible: streamCount(), open },
    client: { native: nativeClientCount(), compatible: streamClientCount(), open: clients },
    https: { native: secureServers.native, compatible: { ...secureServers.compatible } },
    agents: { sockets, freeSockets, requests },
  }
}
