/** Counts and times of this JavaScript thread, for programs that watch themselves. */
import { environment } from '../bridge/environment.js'
import { ioThreadUsage, poolCounts, poolOrigins } from '../bridge/native.js'
import { nativeClientCount } from '../client/native-client.js'
import { streamClientCount } from '../client/stream-client.js'
import { counts } from '../counts.js'
import { streamCount } from '../server/stream-port.js'
import { secureClients, secureServers } from '../server/tls-counts.js'
import type { OriginStats, Stats } from '../../types.js'
import { timesOf } from './histogram.js'

export function stats(): Stats {
  const { native } = environment
  const [accepted, open, openClients] = native.connectionCounts()
  const [served, probes, refused] = native.requestCounts()
  const [queueDelay, handler, request] = native.times()
  const [ofServers, ofClients] = native.connectionStates()
  const [sockets, freeSockets, requests] = poolCounts()
  const { received, sent, ...states } = ofServers
  const { received: receivedByClients, sent: sentByClients, ...clientStates } = ofClients
  return {
    requests: { served, probes: probes + counts.probes, refused },
    times: { queueDelay: timesOf(queueDelay), handler: timesOf(handler), request: timesOf(request) },
    server: {
      native: accepted,
      compatible: streamCount(),
      open,
      states,
      received,
      sent,
      errors: { ...counts.serverErrors },
    },
    client: {
      native: nativeClientCount(),
      compatible: streamClientCount(),
      open: openClients,
      states: clientStates,
      received: receivedByClients,
      sent: sentByClients,
      errors: { ...counts.clientErrors },
    },
    timeouts: { ...counts.timeouts },
    https: {
      native: secureServers.native,
      compatible: { ...secureServers.compatible },
      clients: { native: secureClients.native, compatible: { ...secureClients.compatible } },
      handshakes: { ...counts.handshakes },
    },
    agents: { sockets, freeSockets, requests, origins: origins() },
    threads: ioThreadUsage().map(({ cpu, elapsed }) => ({ cpu: cpu ?? null, elapsed })),
  }
}

/** The pools of all agents, by host and port. Names of agents have more, even keys of certificates, which belong in no log. */
function origins(): Record<string, OriginStats> {
  const all: Record<string, OriginStats> = {}
  for (const { name, active, idle, waiting } of poolOrigins()) {
    const origin = (all[hostAndPort(name)] ??= { sockets: 0, freeSockets: 0, requests: 0 })
    origin.sockets += active
    origin.freeSockets += idle
    origin.requests += waiting
  }
  return all
}

function hostAndPort(name: string): string {
  const [, host, port] = /^([^:]*|[0-9a-fA-F:]+(?:%\w+)?):(\d+):/.exec(name) ?? []
  return port === undefined ? 'other' : `${host}:${port}`
}
