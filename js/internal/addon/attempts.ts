/** The attempts of one process to load the addon, and the errors that their failures become. */
import { accessSync } from 'node:fs'

import {
  ERR_FERROHTTP_ADDON_DAMAGED,
  ERR_FERROHTTP_ADDON_MISSING,
  ERR_FERROHTTP_ADDON_UNLOADABLE,
  ERR_FERROHTTP_LIBC,
  ERR_FERROHTTP_OTHER_PLATFORM,
  ERR_FERROHTTP_PERMISSION,
  ERR_FERROHTTP_UNSUPPORTED_PLATFORM,
  ERR_FERROHTTP_VERSION,
} from '../installation-errors.js'
import type { NodeError } from '../coded-error.js'
import { readElf } from './elf.js'
import type { Addon } from './load.js'
import { loadError, type Failure, type LoadError } from './load-error.js'
import { BUILDS, installedBuilds, lockedBuilds, packageName } from './packages.js'
import type { Platform } from './platform.js'

const INSTALL = 'npm install ferrohttp --include=optional'

export class Attempts {
  readonly #platform: Platform
  readonly #root: string
  readonly #version: string
  readonly #tried: string[] = []

  /**
   * @param root the folder of this package
   * @param version that of this package
   */
  constructor(platform: Platform, root: string, version: string) {
    this.#platform = platform
    this.#root = root
    this.#version = version
  }

  /** Notes an attempt that has failed before a file was loaded. */
  note(what: string, outcome: unknown): void {
    const text = outcome instanceof Error ? outcome.message : String(outcome)
    this.#tried.push(`${what}: ${text.split('\n', 1)[0]}`)
  }

  /**
   * Loads an existing file.
   *
   * @throws LoadError
   */
  load(path: string): Addon {
    this.#requireWhole(path)
    const addon: { exports: { version?: () => string } } = { exports: {} }
    try {
      accessSync(path)
      // `require` would resolve the path first, see `root.ts`.
      process.dlopen(addon, path)
    } catch (error) {
      throw this.#unloadable(path, error as NodeError)
    }
    const version = addon.exports.version?.() ?? 'an earlier version'
    if (version !== this.#version) throw this.#otherVersion(path, version)
    return { path, exports: addon.exports }
  }

  /** Why no file was found. */
  missing(): LoadError {
    const { name, libc, builds } = this.#platform
    if (builds.length === 0) {
      return this.#error(ERR_FERROHTTP_UNSUPPORTED_PLATFORM, {
        problem: `there is no build of its addon for ${name}; there is one for ${BUILDS.join(', ')}`,
        remedy: 'build it from source, or use node:http on this platform',
      })
    }
    const wanted = builds.map(packageName).join(' or ')
    const system = libc === null ? name : `${name} with ${libc}`
    const installed = installedBuilds()
    if (installed.some((build) => build.startsWith(name))) {
      return this.#error(ERR_FERROHTTP_LIBC, {
        problem: `this is ${system}, and the package that is installed is for the other C library: ${listOf(installed)}`,
        remedy: `install ${wanted} by running npm install in the system that the program runs in (an image of the same kind)`,
      })
    }
    if (installed.length > 0) {
      return this.#error(ERR_FERROHTTP_OTHER_PLATFORM, {
        problem: `this is ${system}, and node_modules was installed for another platform: ${listOf(installed)}`,
        remedy: 'delete node_modules and run npm ci on this platform instead of copying the folder',
      })
    }
    const locked = lockedBuilds(this.#root)
    if (locked !== null && !locked.builds.some((build) => builds.includes(build)) && locked.builds.length > 0) {
      return this.#error(ERR_FERROHTTP_OTHER_PLATFORM, {
        problem: `${locked.file} was written on another platform and installs ${listOf(locked.builds)} alone; this is ${system}`,
        remedy: 'delete node_modules and package-lock.json, run npm install, and commit the new lock file',
      })
    }
    return this.#error(ERR_FERROHTTP_ADDON_MISSING, {
      problem: `the package ${wanted} is not installed, which npm leaves out with --omit=optional or --no-optional`,
      remedy: `run ${INSTALL}`,
    })
  }

  /** Checks the length of a file, because `dlopen` of a truncated one ends the process with SIGBUS. */
  #requireWhole(path: string): void {
    if (process.platform !== 'linux') return
    let elf: ReturnType<typeof readElf>
    try {
      elf = readElf(path)
    } catch {
      // `dlopen` reports the reason.
      return
    }
    if (elf !== null && elf.size >= elf.sizeNeeded) return
    const problem = elf === null ? 'is no ELF file' : `has ${elf.size} bytes and needs ${elf.sizeNeeded}`
    this.note(path, problem)
    throw this.#error(ERR_FERROHTTP_ADDON_DAMAGED, {
      problem: `${path} is damaged: it ${problem}`,
      remedy: 'delete node_modules, run npm cache verify, and install again',
    })
  }

  #unloadable(path: string, cause: NodeError): LoadError {
    this.note(path, cause)
    const { message, code } = cause
    if (code === 'ERR_DLOPEN_DISABLED' || code === 'ERR_ACCESS_DENIED') {
      const denied = code === 'ERR_ACCESS_DENIED'
      return this.#error(ERR_FERROHTTP_PERMISSION, {
        cause,
        problem: denied ? `Node.js may not read ${path}` : 'Node.js was started without the right to load addons',
        remedy: denied
          ? 'add --allow-fs-read for the folder of the program to the options of node'
          : 'add --allow-addons to --permission, or remove --no-addons, in the options of node and in NODE_OPTIONS',
      })
    }
    // The messages of glibc's and musl's dynamic linkers.
    const glibc = /version [`']?(GLIBC_[0-9.]+)'? not found/.exec(message)
    if (glibc !== null || /libc\.musl|ld-linux|libc\.so\.6/.test(message)) {
      return this.#error(ERR_FERROHTTP_LIBC, {
        cause,
        problem:
          glibc !== null
            ? `the glibc of this system is older than ${glibc[1]}, which the addon needs`
            : `${path} was built for another C library than this Node.js uses`,
        remedy: 'use a newer system, or run npm install in the system that the program runs in',
      })
    }
    return this.#error(ERR_FERROHTTP_ADDON_UNLOADABLE, {
      cause,
      problem: `${path} cannot be loaded: ${message.split('\n', 1)[0]}`,
      // Only the file of FERROHTTP_ADDON can be missing. The others have been found before.
      remedy:
        code === 'ENOENT'
          ? 'correct FERROHTTP_ADDON, or unset it'
          : 'delete node_modules and install again; if that does not help, report it with this message',
    })
  }

  #otherVersion(path: string, version: string): LoadError {
    this.note(path, `of version ${version}`)
    return this.#error(ERR_FERROHTTP_VERSION, {
      problem: `this is ferrohttp ${this.#version}, and the addon ${path} is of ${version}`,
      remedy: `install both in the same version: npm install ferrohttp@${this.#version}; in a clone, npm run build`,
    })
  }

  #error(make: (message: string) => NodeError, failure: Failure): LoadError {
    return loadError(make, { ...failure, tried: this.#tried })
  }
}

function listOf(builds: readonly string[]): string {
  return builds.map(packageName).join(', ')
}
