// The layers of js/, as the diagram in docs/ARCHITECTURE.md draws them: a module imports from its own folder and from those of lower
// layers. Biome's noImportCycles forbids circles within a folder. Types may be imported from anywhere, because such imports do not exist
// at run time.
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '../../js')

/**
 * The entries of each layer of a diagram, from the top down: a folder as `folder/`, a module by its name, and `folder/*` for the modules
 * of a folder that are in none of its subfolders.
 */
function layersOf(diagram) {
  const entries = (line) =>
    line
      .trim()
      .split(/ {3,}/)[0]
      .split(/, ?/)
      .filter((entry) => entry !== '')
  return diagram.split(/^ +↓$/m).map((layer) => layer.split('\n').flatMap(entries))
}

const architecture = fs.readFileSync(path.join(ROOT, '../docs/ARCHITECTURE.md'), 'utf8')
const [, diagram] = /^```\njs\/\n(.+?)^```$/ms.exec(architecture)
const LAYERS = layersOf(diagram)

/** The entry of LAYERS that a module belongs to. */
function entryOf(module) {
  const [folder, name, ...deeper] = module.split('/')
  if (name === undefined) return module
  if (folder !== 'internal') return `${folder}/`
  return deeper.length === 0 ? 'internal/*' : `internal/${name}/`
}

/** The position of a module's layer, 0 for the highest, or -1. */
const layerOf = (module) => LAYERS.findIndex((entries) => entries.includes(entryOf(module)))

/** Whether `from` may import `to`. Modules of js/ may import others of their layer, folders of one layer do not know each other. */
function mayImport(from, to) {
  const inFolder = entryOf(from).includes('/') || entryOf(to).includes('/')
  if (layerOf(from) === layerOf(to)) return !inFolder || entryOf(from) === entryOf(to)
  return layerOf(from) < layerOf(to)
}

/** The modules that a source text imports when it runs. */
function imported(text) {
  const from = /^(?:import|export)\s(?!type\s)[^;'"]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'/gm
  return [...text.matchAll(from)].map(([, named, bare]) => named ?? bare)
}

const modules = fs
  .readdirSync(ROOT, { recursive: true })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => file.replaceAll(path.sep, '/').slice(0, -3))

test('every module has a layer', (t) => {
  t.deepEqual(
    modules.filter((module) => layerOf(module) === -1),
    [],
  )
  const entries = new Set(modules.map(entryOf))
  t.deepEqual(
    LAYERS.flat().filter((entry) => !entries.has(entry)),
    [],
    'folders and modules that do not exist',
  )
})

test('modules import from their own folder and from lower layers', (t) => {
  for (const module of modules) {
    for (const specifier of imported(fs.readFileSync(path.join(ROOT, `${module}.ts`), 'utf8'))) {
      const target = path.posix.join(path.posix.dirname(module), specifier.replace(/\.js$/, ''))
      t.true(mayImport(module, target), `${module} imports ${target}`)
    }
  }
})

test('imports against the order are found', (t) => {
  t.false(mayImport('internal/message/head', 'internal/server/port'))
  t.false(mayImport('internal/client/pool', 'internal/server/port'), 'folders of one layer')
  t.false(mayImport('internal/errors', 'internal/node-parity/instance-of'))
  t.true(mayImport('internal/server/socket', 'internal/server/port'))
  t.true(mayImport('outgoing', 'internal/message/head'))
})

test('imports are found in all their forms', (t) => {
  const text = `import './a.js'
import b from './b.js'
import {
  c,
  type D,
} from './c.js'
import type { E } from './e.js'
export { f } from './f.js'
export type { G } from './g.js'
import net from 'node:net'
`
  t.deepEqual(imported(text), ['./a.js', './b.js', './c.js', './f.js'])
})

test('diagrams are read in all their forms', (t) => {
  const text = '  a, b-c      words, and more\n    ↓\n  d/, e/f/,\n  g           others\n    ↓\n  h/*         rest\n'
  t.deepEqual(layersOf(text), [['a', 'b-c'], ['d/', 'e/f/', 'g'], ['h/*']])
})
