/** Counts servers and clients' connections with TLS by its implementation, for `stats()`. */

/** Servers that began to listen with TLS on I/O threads, and those with node:tls by reason. */
export const secureServers: { native: number; readonly compatible: Record<string, number> } = {
  native: 0,
  compatible: Object.create(null) as Record<string, number>,
}

/** @param reason the option or event for which node:tls is needed */
export function countCompatible(reason: string): void {
  const { compatible } = secureServers
  compatible[reason] = (compatible[reason] ?? 0) + 1
}

/** Connections of https agents with TLS on I/O threads, and those with node:tls by reason. */
export const secureClients: { native: number; readonly compatible: Record<string, number> } = {
  native: 0,
  compatible: Object.create(null) as Record<string, number>,
}

/** @param reason why node:tls makes a connection of an agent */
export function countCompatibleClient(reason: string): void {
  const { compatible } = secureClients
  compatible[reason] = (compatible[reason] ?? 0) + 1
}
