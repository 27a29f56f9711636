// Packs the published packages, as npm does, into `target/packages`: the package of each platform whose addon is in `js/native`, and
// ferrohttp itself, which depends on the packages of all platforms. `pack.mjs folder` packs into another folder.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { npm, ROOT, Stop, script } from './process.mjs'

const readJson = (file) => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'))
const manifest = readJson('package.json')
const { binaryName, packageName } = manifest.napi
/** Rust's names of the targets, and the names of npm's packages. */
const TRIPLES = {
  'aarch64-apple-darwin': 'darwin-arm64',
  'aarch64-pc-windows-msvc': 'win32-arm64-msvc',
  'aarch64-unknown-linux-gnu': 'linux-arm64-gnu',
  'aarch64-unknown-linux-musl': 'linux-arm64-musl',
  'x86_64-apple-darwin': 'darwin-x64',
  'x86_64-pc-windows-msvc': 'win32-x64-msvc',
  'x86_64-unknown-linux-gnu': 'linux-x64-gnu',
  'x86_64-unknown-linux-musl': 'linux-x64-musl',
}
const builds = manifest.napi.targets.map((target) => TRIPLES[target])

/**
 * The repository of the package, which npm's provenance compares with the workflow that publishes, and its funding. Only that workflow
 * knows them.
 */
function origin() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name, FUNDING_URL: funding } = process.env
  if (!server || !name) return {}
  const url = `${server}/${name}`
  return {
    repository: { type: 'git', url: `git+${url}.git` },
    homepage: `${url}#readme`,
    bugs: `${url}/issues`,
    ...(funding && { funding }),
  }
}

/** Packs `files` of the root, and those of `contents`, as a package with this manifest. */
function pack(staging, destination, contents, files) {
  rmSync(staging, { recursive: true, force: true })
  for (const [from, to] of files) cpSync(path.join(ROOT, from), path.join(staging, to), { recursive: true })
  writeFileSync(path.join(staging, 'package.json'), `${JSON.stringify({ ...contents, ...origin() }, null, 2)}\n`)
  npm(['pack', staging, '--silent', '--ignore-scripts', '--pack-destination', destination])
}

await script(() => {
  const destination = path.resolve(process.argv[2] ?? path.join(ROOT, 'target/packages'))
  const staging = path.join(destination, 'staging')
  mkdirSync(destination, { recursive: true })
  if (!existsSync(path.join(ROOT, 'dist/index.js'))) throw new Stop('nothing is built: npm run build')

  const { scripts, devDependencies, overrides, ava, napi, ...published } = manifest
  const optionalDependencies = Object.fromEntries(builds.map((build) => [`${packageName}-${build}`, manifest.version]))
  // `files` of the manifest chooses from these.
  const named = ['dist', 'docs', 'benchmark/README.md', 'benchmark/results']
  const files = [...named, 'README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md'].map((name) => [name, name])
  pack(staging, destination, { ...published, optionalDependencies }, files)

  for (const build of builds) {
    const addon = `${binaryName}.${build}.node`
    if (!existsSync(path.join(ROOT, 'js/native', addon))) continue
    const platform = [
      [`js/native/${addon}`, addon],
      [`npm/${build}/README.md`, 'README.md'],
      ['LICENSE', 'LICENSE'],
    ]
    pack(staging, destination, readJson(`npm/${build}/package.json`), platform)
  }
  rmSync(staging, { recursive: true })
})
