/** Node's permission model for the network. */

interface Permission {
  has(scope: string): boolean
}

/** Whether this Node has the flag, and so the scope. Others return false for the scope, and restrict nothing. */
const isRestrictable = process.allowedNodeEnvironmentFlags.has('--allow-net')

/** False where Node refuses to listen and to connect. Read each time, because a program may drop permissions. */
export function mayUseNetwork(): boolean {
  const { permission } = process as { permission?: Permission }
  return permission === undefined || !isRestrictable || permission.has('net')
}
