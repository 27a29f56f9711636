/** Finds the build of the addon that this process needs. */
import { readElf } from './elf.js'
import { BUILDS } from './packages.js'

export type Libc = 'glibc' | 'musl'

export interface Platform {
  /** Node's names of platform and architecture: `linux-x64`. */
  readonly name: string
  /** On Linux only. Null elsewhere, and if it is not known. */
  readonly libc: Libc | null
  /** Names of the builds that fit, in the order in which they are tried. Empty when none is published for this platform. */
  readonly builds: readonly string[]
}

/** @param libc the C library of the process on Linux, null if unknown */
export function platformOf(platform: string, arch: string, libc: Libc | null): Platform {
  const name = `${platform}-${arch}`
  const builds = BUILDS.filter((build) => build === name || build.startsWith(`${name}-`))
  const unfit = libc === 'musl' ? '-gnu' : '-musl'
  return {
    name,
    libc,
    builds: libc === null ? builds : builds.filter((build) => !build.endsWith(unfit)),
  }
}

/** The platform of this process. */
export function currentPlatform(): Platform {
  const { platform, arch } = process
  return platformOf(platform, arch, platform === 'linux' ? libcOf(process.execPath) : null)
}

/**
 * The C library that a program uses, by its dynamic linker, which the kernel uses, too. It takes 50 µs. `process.report` takes 20
 * ms, and `ldd` takes another process and reports about the system instead of the program.
 *
 * @returns null when the file cannot be read (`--permission` without the right to read it)
 */
export function libcOf(program: string): Libc | null {
  let interpreter: string
  try {
    // A program that was started through its dynamic linker (`ld-musl-x86_64.so.1 node`) appears to be the linker.
    interpreter = readElf(program)?.interpreter ?? program
  } catch {
    return null
  }
  return /(^|\/)ld-musl-[^/]*$/.test(interpreter) ? 'musl' : 'glibc'
}
