/** Node's permission model, as far as it is about the network. */

interface Permission {
  has(scope: string): boolean
}

/** The flag is what tells a Node that knows the scope: others answer false for it, and restrict nothing. */
const isRestrictable = process.allowedNodeEnvironmentFlags.has('--allow-net')

/** False where Node refuses to listen and to connect. It is asked for each time: a program may drop permissions. */
export function mayUseNetwork(): boolean {
  const { permission } = process as { permission?: Permission }
  return permission === undefined || !isRestrictable || permission.has('net')
}
