/** The packages with the addon, one for each platform. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Finds the addon in the package of each build. The names are written out so that bundlers and file tracers find them.
 * They throw MODULE_NOT_FOUND when the package is not installed.
 */
const RESOLVERS: Record<string, () => string> = {
  'darwin-arm64': () => require.resolve('@ferrohttp/binding-darwin-arm64'),
  'darwin-x64': () => require.resolve('@ferrohttp/binding-darwin-x64'),
  'linux-arm64-gnu': () => require.resolve('@ferrohttp/binding-linux-arm64-gnu'),
  'linux-arm64-musl': () => require.resolve('@ferrohttp/binding-linux-arm64-musl'),
  'linux-x64-gnu': () => require.resolve('@ferrohttp/binding-linux-x64-gnu'),
  'linux-x64-musl': () => require.resolve('@ferrohttp/binding-linux-x64-musl'),
  'win32-arm64-msvc': () => require.resolve('@ferrohttp/binding-win32-arm64-msvc'),
  'win32-x64-msvc': () => require.resolve('@ferrohttp/binding-win32-x64-msvc'),
}

/** The builds that are published, as `napi.targets` of package.json lists them. */
export const BUILDS: readonly string[] = Object.keys(RESOLVERS)

export function packageName(build: string): string {
  return `@ferrohttp/binding-${build}`
}

/**
 * Path of the addon in a build's package.
 *
 * @throws MODULE_NOT_FOUND when the package is not installed
 */
export function resolvePackage(build: string): string {
  return RESOLVERS[build]!()
}

/** The builds whose packages are installed, for any platform. */
export function installedBuilds(): string[] {
  return BUILDS.filter((build) => {
    try {
      resolvePackage(build)
      return true
    } catch {
      return false
    }
  })
}

/**
 * The builds that npm's nearest lock file installs. npm has written lock files that hold the optional packages of the
 * platform they were made on and no others (https://github.com/npm/cli/issues/4828).
 *
 * @returns null when there is no lock file of npm, or it does not name ferrohttp
 */
export function lockedBuilds(folder: string): { file: string; builds: string[] } | null {
  for (let at = folder; ; at = dirname(at)) {
    for (const name of ['npm-shrinkwrap.json', 'package-lock.json']) {
      const file = join(at, name)
      const packages = packagesOf(file)
      if (packages === null) continue
      if (!packages.some((path) => path.endsWith('node_modules/ferrohttp'))) return null
      return {
        file,
        builds: BUILDS.filter((build) => packages.some((path) => path.endsWith(`node_modules/${packageName(build)}`))),
      }
    }
    if (dirname(at) === at) return null
  }
}

function packagesOf(file: string): string[] | null {
  try {
    return Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { packages: object }).packages)
  } catch {
    return null
  }
}
