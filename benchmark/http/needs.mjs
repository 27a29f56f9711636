// The requirements of a scenario besides Node.js and the load: packages of benchmark/package.json, programs of the system.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { RIVALS } from './implementations.mjs'

const REDIS = 'redis-server is not installed: `apt-get install redis-server` on Debian and Ubuntu'

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {string | null} the missing requirement and how to install it, null if there is none
 */
export function missingNeed({ packages = [], backend }) {
  const absent = packages.find(
    (name) => !existsSync(fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url))),
  )
  if (absent !== undefined) return `${absent} is not installed: ${RIVALS}`
  if (backend === 'redis' && spawnSync('redis-server', ['--version']).status !== 0) return REDIS
  return null
}
