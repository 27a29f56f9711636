'use strict'
// The files and folders that the documents name exist, so that a reader finds them.
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '../..')
/** Made by the command that the document names with them. */
const GENERATED = ['docs/reference/site', 'benchmark/node_modules']

const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'benchmark/README.md', 'fuzz/README.md'],
  ...fs
    .readdirSync(path.join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

/** @returns {string[]} the paths that a text names: `a/{b,c}.ts` is two, and patterns are none */
function pathsIn(text) {
  const named = [...text.matchAll(/`((?:js|crates|__test__|npm|benchmark|fuzz|docs)\/[\w./{},-]*)`/g)]
  return named.flatMap(([, name]) => {
    const [, before, choices, after] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(name) ?? []
    return choices === undefined ? [name] : choices.split(',').map((choice) => before + choice + after)
  })
}

for (const document of documents) {
  test(document, (t) => {
    const missing = pathsIn(fs.readFileSync(path.join(ROOT, document), 'utf8')).filter(
      (name) => !GENERATED.includes(name) && !fs.existsSync(path.join(ROOT, name)),
    )
    t.deepEqual(missing, [])
  })
}

test('paths are found in all their forms', (t) => {
  const text = '`js/a.ts`, `js/{b,c}.ts`, js/d.ts, `npm/<platform>/e`, `docs/f/`'
  t.deepEqual(pathsIn(text), ['js/a.ts', 'js/b.ts', 'js/c.ts', 'docs/f/'])
})
