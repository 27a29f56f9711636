'use strict'
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')
const { execFileSync } = require('node:child_process')
const manifest = require('ferrohttp/package.json')
const { BUILDS, packageName } = require('../../build/internal/addon/packages.js')

const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const NPM = process.env.npm_execpath

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8')

/** The paths of the files that npm would publish. */
function published() {
  const [command, ...args] = NPM?.endsWith('.js') ? [process.execPath, NPM] : ['npm']
  const output = execFileSync(command, [...args, 'pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    shell: command === 'npm' && process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const packed = JSON.parse(output)
  // npm 11 and earlier answer with an array, later ones with an object by package name.
  const { files } = Array.isArray(packed) ? packed[0] : packed.ferrohttp
  return files.map((file) => file.path)
}

test('the published files are those that programs need, without a binary', (t) => {
  const paths = published()
  const needed = [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/https.js',
    'dist/https.d.ts',
    'dist/https-core.js',
    'dist/register.js',
    'dist/register.d.ts',
    'dist/types.d.ts',
    'docs/ERRORS.md',
    'docs/example/server.js',
    manifest.bin.ferrohttp,
    'LICENSE',
    'README.md',
  ]
  t.deepEqual(
    needed.filter((file) => !paths.includes(file)),
    [],
  )
  const allowed =
    /^(dist\/.*\.(js|js\.map|d\.ts|html)|docs\/\w+\.md|docs\/[\w-]+\.(png|svg)|benchmark\/README\.md|benchmark\/results\/[\d-]+\.md|docs\/example\/\w+\.js|package\.json|[A-Z]+(\.md)?)$/
  t.deepEqual(
    paths.filter((file) => !allowed.test(file)),
    [],
  )
})

test('all relative links and images of published pages are published', (t) => {
  const paths = published()
  const pages = paths.filter((file) => file.endsWith('.md'))
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .filter(([, target]) => !/^[a-z]+:/.test(target))
      .map(([, target]) => ({ page, target, file: path.posix.join(path.posix.dirname(page), target) })),
  )
  t.true(links.some(({ target }) => target.endsWith('.png')))
  const isThere = (file) => paths.some((each) => each === file || each.startsWith(`${file.replace(/\/$/, '')}/`))
  t.deepEqual(
    links.filter(({ file }) => !isThere(file)),
    [],
  )
})

test('each target has a platform package in step', (t) => {
  const folders = fs.readdirSync(path.join(ROOT, 'npm')).filter((name) => name !== 'scripts')
  t.is(folders.length, manifest.napi.targets.length)
  for (const folder of folders) {
    const platform = JSON.parse(read(`npm/${folder}/package.json`))
    const binary = `${manifest.napi.binaryName}.${folder}.node`
    t.is(platform.name, `${manifest.napi.packageName}-${folder}`)
    t.is(platform.name, packageName(folder))
    t.is(platform.version, manifest.version)
    t.is(platform.main, binary)
    t.deepEqual(platform.files, [binary])
    t.deepEqual(platform.engines, manifest.engines)
    t.true(folder.startsWith(`${platform.os[0]}-${platform.cpu[0]}`), folder)
    t.true(BUILDS.includes(folder), `the loader looks for ${platform.name}`)
  }
})

test('the crates have the version of the package', (t) => {
  t.is(/^\[workspace\.package\]\nversion = "(.*)"$/m.exec(read('Cargo.toml'))?.[1], manifest.version)
})

test('no two specs share a name', (t) => {
  const names = fs
    .readdirSync(path.join(ROOT, '__test__'), { recursive: true })
    .filter((file) => /\.spec\.[cm]js$/.test(file) && !file.includes('node_modules'))
    .map((file) => path.basename(file))
  t.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  )
})
