'use strict'
// Rules for the sources: short files, classes with few flags, and each number that crosses between Rust and
// JavaScript defined once. The limits of functions' parameters and of structs' flags are in .biome.json and .clippy.toml.
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '../..')
const MOST_LINES = 600
const MOST_FLAGS = 5

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8')

/** The files of `folder` and its subfolders whose names end with `extension`. */
function sources(folder, extension) {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true })
    .map((file) => `${folder}/${file.replaceAll(path.sep, '/')}`)
    .filter((file) => file.endsWith(extension) && !file.includes('/node_modules/') && !file.includes('/target/'))
}

/** Sources of js/ that are written by hand. */
const modules = sources('js', '.ts').filter((file) => !file.startsWith('js/native/'))
const crates = sources('crates', '.rs')
/** Tests, measurements and scripts. */
const others = ['__test__', 'benchmark', 'fuzz', 'npm'].flatMap((folder) =>
  ['.cjs', '.mjs', '.js', '.rs'].flatMap((extension) => sources(folder, extension)),
)

/** @returns {string[]} the boolean fields of each class, as `Class: field, field` */
function flagsOf(text) {
  const classes = /^(?:export )?(?:default )?(?:abstract )?class (\w+).*?^\}/gms
  const field =
    /^ {2}(?:(?:declare|override|private|protected|public|readonly|static) )*(#?\w+)(?:!?: boolean\b|(?:: \w+)? = (?:true|false)$)/gm
  return [...text.matchAll(classes)].map(([body, name]) => [name, [...body.matchAll(field)].map(([, flag]) => flag)])
}

/** @returns {Set<string>} the names of the constants that `text` exports */
const exported = (text) => new Set([...text.matchAll(/^export const (\w+) = /gm)].map(([, name]) => name))

/** @returns {string[]} the constants of `text` that are numbers */
const numbers = (text) => [...text.matchAll(/\bconst (\w+)(?:: \w+)? = -?\d/g)].map(([, name]) => name)

test(`no file has more than ${MOST_LINES} lines`, (t) => {
  const long = [...modules, ...crates, ...others].filter((file) => read(file).split('\n').length - 1 > MOST_LINES)
  t.deepEqual(long, [])
})

test(`no class has more than ${MOST_FLAGS} flags`, (t) => {
  const found = modules.flatMap((file) => flagsOf(read(file)).map(([name, flags]) => ({ file, name, flags })))
  t.true(found.length > 30)
  t.deepEqual(
    found.filter(({ flags }) => flags.length > MOST_FLAGS),
    [],
  )
})

test('no generated function has more than five parameters', (t) => {
  // Biome checks the others.
  for (const file of ['js/native/records.ts', 'js/native/record-fields.ts']) {
    for (const [head, parameters] of read(file).matchAll(/^export function \w+\(([^)]*)\)/gm))
      t.true(parameters.split(',').filter((one) => one.trim() !== '').length <= 5, head)
  }
})

test('a number that crosses is defined in the schema only', (t) => {
  const crossing = exported(read('js/native/records.ts'))
  t.true(crossing.size > 100)
  for (const file of modules) {
    t.deepEqual(
      numbers(read(file)).filter((name) => crossing.has(name)),
      [],
      file,
    )
  }
})

test('offsets and bits of records are in the schema only', (t) => {
  const places = [
    /\bwords?\s*\+\s*\d/i,
    /\[[^\]]*>> 2\)? \+ \d/,
    /\b(?:line|HTTP_1_1) (?:&|<<|>>>?) (?:0x)?\d/,
    /Words\[[^\]]+\]!? & (?:0x)?\d/,
  ]
  for (const file of modules) {
    const text = read(file)
    t.deepEqual(places.filter((place) => place.test(text)).map(String), [], file)
  }
})

test('the live page, which cannot import, has the number of the schema', (t) => {
  const [, steps] = /^const STEPS = (\d+)$/m.exec(read('js/page/page.js'))
  const [, expected] = /^export const HISTOGRAM_STEPS = (\d+)$/m.exec(read('js/native/records.ts'))
  t.is(steps, expected)
})

test('the checks above find violations', (t) => {
  const text = 'export class A {\n  a = false\n  readonly #b: boolean = true\n  protected c: boolean\n  d = 1\n}\n'
  t.deepEqual(flagsOf(text), [['A', ['a', '#b', 'c']]])
  t.deepEqual(numbers('const A = 5\n  const b: number = -1\nconst c = d'), ['A', 'b'])
})
