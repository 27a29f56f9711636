/** How everything that a program starts gets the register module. */
import { join } from 'node:path'

import { ROOT } from '../../root.js'

/** Absolute, because what is started may have another working directory. */
export const REGISTER = join(ROOT, 'dist/register.js')

/** Adds the register module to NODE_OPTIONS of this process, which child processes and worker threads inherit. */
export function preloadInChildren(): void {
  const { NODE_OPTIONS: options = '' } = process.env
  if (options.includes(quoted(REGISTER))) return
  process.env['NODE_OPTIONS'] = `${options} --require ${quoted(REGISTER)}`.trim()
}

/** Node splits the variable at spaces that are not in double quotes, and takes a backslash within them as an escape. */
function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
