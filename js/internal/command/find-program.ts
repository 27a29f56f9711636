/** Finds the program that the command's first argument names. */
import { closeSync, existsSync, openSync, readSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'

interface Program {
  readonly path: string
  /** Whether Node runs it; otherwise the system does. */
  readonly isScript: boolean
}

/**
 * A file that `node` accepts has precedence over an executable of a package, which is searched as by `npx`: in
 * `node_modules/.bin` of this folder and its parents.
 *
 * @returns null if there is neither
 */
export function findProgram(name: string, folder = process.cwd()): Program | null {
  // Node reports a path without a file.
  if (isFile(resolve(folder, name)) || /[/\\]/.test(name)) return { path: name, isScript: true }
  for (let at = folder; ; at = dirname(at)) {
    const found = executable(join(at, 'node_modules/.bin', name))
    if (found !== null || dirname(at) === at) return found
  }
}

function isFile(path: string): boolean {
  try {
    createRequire(join(path, '..', 'here.js')).resolve(path)
    return true
  } catch {
    return false
  }
}

function executable(path: string): Program | null {
  // npm's files for Windows start Node themselves, which finds the register module in NODE_OPTIONS.
  if (process.platform === 'win32') return existsSync(`${path}.cmd`) ? { path: `${path}.cmd`, isScript: false } : null
  return existsSync(path) ? { path, isScript: isForNode(path) } : null
}

/** pnpm makes shell scripts, and some packages have native programs. */
function isForNode(path: string): boolean {
  const firstLine = readStart(path).split('\n', 1)[0]!
  if (firstLine.startsWith('#!'))
    return /^#!\s*\S*(env\s+(-S\s+)?)?node(js)?\s*$/.test(firstLine.replace(/.*[/ ](?=node)/, '#!'))
  return ['.js', '.cjs', '.mjs'].includes(extname(realpathSync(path)))
}

function readStart(path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(256)
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(descriptor)
  }
}
