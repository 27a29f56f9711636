/** Counts servers and clients' connections with TLS by its implementation, for `stats()`. */
import { countOne } from '../counts.js'

/** Servers that began to listen with TLS on I/O threads, and those with node:tls by reason. */
export const secureServers: { native: number; readonly compatible: Record<string, number> } = {
  native: 0,
  compatible: Object.create(null) as Record<string, number>,
}

/** @param reason the option or event for which node:tls is needed */
export function countCompatible(reason: string): void {
  countOne(secureServers.compatible, reason)
}

/** Connections of https agents with TLS on I/O threads, and those with node:tls by reason. */
export const secureClients: { native: number; readonly compatible: Record<string, number> } = {
  native: 0,
  compatible: Object.create(null) as Record<string, number>,
}

/** @param reason why node:tls makes a connection of an agent */
export function countCompatibleClient(reason: string): void {
  countOne(secureClients.compatible, reason)
}
