/** Events so far on the connections of this thread, for `stats()`. Everything that happens to every request is counted in Rust. */
import { getSystemErrorName } from 'node:util'

type Counts = Record<string, number>

export const counts = {
  /** Probes of servers' health that JavaScript has answered. */
  probes: 0,
  serverErrors: Object.create(null) as Counts,
  clientErrors: Object.create(null) as Counts,
  timeouts: { request: 0, socket: 0, keepAlive: 0 },
  handshakes: { completed: 0, resumed: 0, failed: 0 },
}

export function countOne(of: Counts, name: string): void {
  of[name] = (of[name] ?? 0) + 1
}

/** @param errno the operating system's, positive; 0 counts as none */
export function countErrno(errors: Counts, errno: number): void {
  if (errno !== 0) countOne(errors, getSystemErrorName(-errno))
}
