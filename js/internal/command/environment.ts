/** Makes every process and thread that a program starts load the register module. */
import { join } from 'node:path'

import { ROOT } from '../../root.js'

/** Absolute, because a process may be started in another working directory. */
export const REGISTER = join(ROOT, 'dist/register.js')

/** Adds the register module to NODE_OPTIONS of this process, which child processes and worker threads inherit. */
export function preloadInChildren(): void {
  const { NODE_OPTIONS: options = '' } = process.env
  if (options.includes(quoted(REGISTER))) return
  process.env['NODE_OPTIONS'] = `${options} --require ${quoted(REGISTER)}`.trim()
}

/** Quotes a path: Node splits the variable at spaces outside double quotes, within which a backslash is an escape. */
function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
