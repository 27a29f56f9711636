// Builds the addon into `js/native`. Arguments go to `napi build`, such as `--target aarch64-unknown-linux-gnu --use-napi-cross`.
// `--symbols` keeps function names and line numbers, on Linux in a file beside the addon (`….node.debug`), for perf and for core dumps.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { answers, npm, ROOT, run, Stop, script } from './process.mjs'

const NATIVE = path.join(ROOT, 'js/native')
const BUILD = [
  ...['exec', '--', 'napi', 'build', '--platform', '--release'],
  ...['-p', 'ferrohttp-binding', '--manifest-path', 'crates/binding/Cargo.toml'],
  ...['--output-dir', 'js/native', '--no-js', '--dts', 'binding.d.ts'],
]

/**
 * For the C code of the cryptography. Omits its unwind tables, which would be a fiftieth of the addon: no panic unwinds through that code, but
 * debuggers use the tables, too. aws-lc-sys asks for -O3, with which it is larger; ciphers, hashes and curves are in assembly.
 */
const C_FLAGS = '-O2 -fno-asynchronous-unwind-tables'

/**
 * Has the cryptography take its seed from the kernel alone, as Node's does. aws-lc would also measure the jitter of the CPU, which takes
 * 30 to 80 ms of the first TLS connection of a process.
 */
const KERNEL_SEED = { AWS_LC_SYS_NO_JITTER_ENTROPY: '1' }

/** Flags that keep paths of the build machine out of the addon. */
function remapping() {
  const cargo = process.env.CARGO_HOME ?? path.join(os.homedir(), '.cargo')
  const { stdout } = spawnSync('rustc', ['--print', 'sysroot'], { cwd: ROOT, encoding: 'utf8' })
  const folders = { [path.join(cargo, 'registry/src')]: 'cargo', [stdout.trim()]: 'rust', [ROOT]: 'ferrohttp' }
  return Object.entries(folders).map(([from, to]) => `--remap-path-prefix=${from}=/${to}`)
}

/** The user's flags: cargo ignores RUSTFLAGS if CARGO_ENCODED_RUSTFLAGS is set. */
function givenFlags() {
  const { CARGO_ENCODED_RUSTFLAGS: encoded, RUSTFLAGS: plain = '' } = process.env
  return encoded === undefined ? plain.split(/\s+/).filter(Boolean) : encoded.split('\x1f')
}

/** The target that cargo builds for by default. */
function host() {
  const { stdout } = spawnSync('rustc', ['-vV'], { cwd: ROOT, encoding: 'utf8' })
  return /^host: (.*)$/m.exec(stdout ?? '')?.[1] ?? ''
}

/** Moves symbols and line numbers of an ELF file into one beside it, which debuggers find by the build id. */
function splitSymbols(addon, objcopy) {
  const symbols = `${addon}.debug`
  run(objcopy, ['--only-keep-debug', '--compress-debug-sections', addon, symbols])
  run(objcopy, ['--strip-all', `--add-gnu-debuglink=${symbols}`, addon])
}

await script(() => {
  const given = process.argv.slice(2)
  const symbols = given.includes('--symbols')
  const args = given.filter((argument) => argument !== '--symbols')
  const target = args.includes('--target') ? (args[args.indexOf('--target') + 1] ?? '') : host()
  const linux = target.includes('linux')
  const flags = [...givenFlags(), ...remapping()]
  if (linux) flags.push('-Clink-arg=-Wl,--build-id=sha1')
  // With a static libc Rust would not make the shared library. `napi build` sets this in RUSTFLAGS, which cargo ignores beside ours.
  if (target.includes('musl')) flags.push('-Ctarget-feature=-crt-static')
  // cargo does not apply the manifest's `strip` where a package of the workspace has an optimisation level of its own.
  if (!symbols) flags.push('-Cstrip=symbols')
  const environment = { ...KERNEL_SEED, CARGO_ENCODED_RUSTFLAGS: flags.join('\x1f') }
  if (linux) environment.AWS_LC_SYS_CFLAGS = [C_FLAGS, process.env.AWS_LC_SYS_CFLAGS].filter(Boolean).join(' ')
  if (symbols)
    Object.assign(environment, { CARGO_PROFILE_RELEASE_DEBUG: 'line-tables-only', CARGO_PROFILE_RELEASE_STRIP: 'none' })
  npm([...BUILD, ...args], environment)
  if (!symbols || !linux) return
  // LLVM's objcopy supports every processor, the system's only its own.
  const objcopy = ['llvm-objcopy', 'objcopy'].find((name) => answers(name, ['--version']))
  if (objcopy === undefined) throw new Stop('--symbols needs objcopy of LLVM or of the GNU binutils')
  for (const name of readdirSync(NATIVE)) if (name.endsWith('.node')) splitSymbols(path.join(NATIVE, name), objcopy)
})
