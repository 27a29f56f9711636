/** Checks whether ferrohttp supports the JavaScript runtime. */
import { ERR_FERROHTTP_UNSUPPORTED_RUNTIME } from '../installation-errors.js'
import { loadError } from './load-error.js'

/** The value of `engines` in package.json. */
const OLDEST_NODE = [20, 19] as const
/** Other runtimes that implement parts of Node's API, by their name in `process.versions`. */
const OTHERS = { bun: 'Bun', deno: 'Deno' } as const

/**
 * Called before the addon is loaded, because Bun ends the process when the addon uses a function of libuv that Bun does not have.
 *
 * @param versions `process.versions`
 * @throws LoadError
 */
export function requireRuntime(versions: NodeJS.Dict<string>): void {
  for (const [key, name] of Object.entries(OTHERS)) {
    if (versions[key] === undefined) continue
    throw loadError(ERR_FERROHTTP_UNSUPPORTED_RUNTIME, {
      problem: `it needs Node.js, and this is ${name} ${versions[key]}`,
      remedy: `run the program with Node.js, or use the node:http of ${name}`,
    })
  }
  const [major, minor] = versions.node!.split('.').map(Number) as [number, number]
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  throw loadError(ERR_FERROHTTP_UNSUPPORTED_RUNTIME, {
    problem: `it needs Node.js ${OLDEST_NODE.join('.')} or later, and this is ${versions.node}`,
    remedy: 'run the program with a newer Node.js',
  })
}
