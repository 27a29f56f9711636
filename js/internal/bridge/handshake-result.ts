/** The result of a TLS handshake on an I/O thread. */

/** See `HandshakeResult` in `crates/net/src/tls/session.rs`. */
export interface HandshakeResult {
  readonly protocol: string
  readonly cipher: string
  /** The name of the group that the keys were exchanged in; empty for none. */
  readonly group: string
  readonly isResumed: boolean
  readonly alpn: string
  readonly serverName: string
}

/** @param details see the layout `Secured` in `crates/net/src/crossing/layout.rs` */
export function parseHandshakeResult(details: string): HandshakeResult {
  const [protocol, cipher, group, resumed, serverName, ...alpn] = details.split('\n') as [string, string, ...string[]]
  return {
    protocol,
    cipher,
    group: group ?? '',
    isResumed: resumed === '1',
    alpn: alpn.join('\n'),
    serverName: serverName ?? '',
  }
}
