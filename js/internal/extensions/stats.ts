/** Counts of connections by their kind, so that users and tests can see that they are native. */
import { environment } from '../bridge/environment.js'
import { nativeClientCount } from '../client/native-client.js'
import { poolCounts } from '../bridge/native.js'
import { streamClientCount } from '../client/stream-client.js'
import { streamCount } from '../server/stream-port.js'
import { secureClients, secureServers } from '../server/tls-counts.js'
import type { Stats } from '../../types.js'

/** Counts of this JavaScript thread. */
export function stats(): Stats {
  const [native, open, clients] = environment.native.connectionCounts()
  const [sockets, freeSockets, requests] = poolCounts()
  return {
    server: { native, compatible: streamCount(), open },
    client: { native: nativeClientCount(), compatible: streamClientCount(), open: clients },
    https: {
      native: secureServers.native,
      compatible: { ...secureServers.compatible },
      clients: { native: secureClients.native, compatible: { ...secureClients.compatible } },
    },
    agents: { sockets, freeSockets, requests },
  }
}
