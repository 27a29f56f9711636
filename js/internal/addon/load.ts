/**
 * Finds and loads the addon. Lint forbids it elsewhere.
 *
 * It tries, in this order: the file of FERROHTTP_ADDON, and then nothing else; the build in `js/native` of a clone; the package
 * of the platform. A failure is one error with `code`, `cause`, `tried` (each attempt and its outcome) and `remedy`.
 */
import { existsSync } from 'node:fs'
import { resolve, sep } from 'node:path'

import { ROOT, VERSION } from '../../root.js'
import { addonPath, drainOptions, healthVariables, inspectAddress, ioThreads } from '../variables.js'
import { ERR_FERROHTTP_BUNDLED } from '../installation-errors.js'
import { Attempts } from './attempts.js'
import { loadError } from './load-error.js'
import { packageName, resolvePackage } from './packages.js'
import { currentPlatform } from './platform.js'
import { requireRuntime } from './runtime.js'

export interface Addon {
  readonly path: string
  /** The exports of the addon, whose version is that of this JavaScript. */
  readonly exports: unknown
}

let addon: Addon | undefined

/**
 * The addon of this process. The first call loads it.
 *
 * @throws LoadError, and ERR_FERROHTTP_INVALID_VARIABLE
 */
export function loadAddon(): Addon {
  return (addon ??= load())
}

function load(): Addon {
  if (VERSION === null) {
    throw loadError(ERR_FERROHTTP_BUNDLED, {
      problem: 'a bundler has made it part of another file, and a bundle cannot contain its addon',
      remedy:
        'make ferrohttp external (esbuild: --external:ferrohttp; webpack: externals; rollup: external) and install it where the bundle runs',
    })
  }
  // Checks the variables now: Rust starts the I/O threads at the first listen or request, where it can only ignore a bad value.
  drainOptions()
  ioThreads()
  healthVariables()
  inspectAddress()
  requireRuntime(process.versions)
  const platform = currentPlatform()
  const attempts = new Attempts(platform, ROOT, VERSION)
  const named = addonPath()
  if (named !== undefined) return attempts.load(resolve(named))
  for (const build of platform.builds) {
    const path = `${ROOT}${sep}js${sep}native${sep}ferrohttp.${build}.node`
    if (existsSync(path)) return attempts.load(path)
    attempts.note(path, 'no such file')
  }
  for (const build of platform.builds) {
    let path: string
    try {
      path = resolvePackage(build)
    } catch (error) {
      attempts.note(packageName(build), error)
      continue
    }
    return attempts.load(path)
  }
  throw attempts.missing()
}
