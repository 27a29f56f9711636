// Installs the packages of a folder's package-lock.json, unless they are installed already.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { npm, ROOT } from './process.mjs'

/** @param {string} folder below the root; each has its own package-lock.json and node_modules */
export function installDependencies(folder = '.') {
  if (installed(folder)) return
  console.log(folder === '.' ? 'installing dependencies' : `installing dependencies of ${folder}`)
  npm(['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error'])
}

/**
 * Whether node_modules has the packages of package-lock.json, by npm's own record of what it has installed, which it
 * writes last. Optional packages may be absent: they are for other platforms.
 */
function installed(folder) {
  const record = path.join(ROOT, folder, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = packages(path.join(ROOT, folder, 'package-lock.json'))
  const present = packages(record)
  wanted.delete('')
  for (const [name, { version, integrity, optional }] of wanted) {
    const found = present.get(name)
    if (!found && !optional) return false
    if (found && (found.version !== version || found.integrity !== integrity)) return false
  }
  return [...present.keys()].every((name) => wanted.has(name))
}

function packages(file) {
  return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages))
}
