'use strict'
// docs/COMPATIBILITY.md has a row for every heading of Node's documentation (documented-names.json, from the newest one),
// and every row names a test that exists and has to do with it.
const { existsSync, readdirSync, readFileSync } = require('node:fs')
const path = require('node:path')
const test = require('ava')

const ROOT = path.join(__dirname, '..')
const NAMES = require('./documented-names.json')

function rows() {
  const text = readFileSync(path.join(ROOT, '../docs/COMPATIBILITY.md'), 'utf8')
  const [, section] = text.split('## Every documented name')
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.endsWith('.spec.cjs` |'))
    .map((line) => line.slice(2, -2).split(' | '))
    .map(([name, since, road, file]) => ({
      name: name.replaceAll('\\|', '|'),
      since,
      road,
      file: file.replaceAll('`', ''),
    }))
}

/**
 * What a script has to contain to be about `name`: an event as a string; anything else as a member, a string, an option or a
 * binding. A longer word that contains the name is not enough.
 */
function mention(name) {
  const event = /Event: `'(\w+)'`/.exec(name)
  if (event) return new RegExp(`['"\`]${event[1]}['"\`]|\\b${event[1]}: |\\bon${event[1]}\\b`, 'i')
  const [, code] = /`(?:new )?([\w.[\]]+)/.exec(name)
  const last = code
    .replace(/\[Symbol\.(\w+)\]/, '.$1')
    .split('.')
    .at(-1)
  return new RegExp(`(?<![\\w$])${last}(?![\\w$])`)
}

/** A spec and the files beside it that it may share scripts with. */
function source(file) {
  const folder = path.dirname(path.join(ROOT, file))
  const shared = readdirSync(folder).filter((name) => name.startsWith('_'))
  return [path.basename(file), ...shared].map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n')
}

/** Removes comments, which mention things that a test does not do. */
function withoutComments(script) {
  return script.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')
}

test('every heading has one row', (t) => {
  const documented = rows().map(({ name }) => name)
  t.deepEqual(
    NAMES.filter((name) => documented.filter((other) => other === name).length !== 1),
    [],
  )
  t.true(NAMES.length > 150)
})

test('every row names a version, the roads and its tests', (t) => {
  for (const { name, since, road, file } of rows()) {
    t.regex(since, /^(v\d|–)/, name)
    t.true(['both', 'native', 'compatible'].includes(road), name)
    if (existsSync(path.join(ROOT, file))) t.regex(withoutComments(source(file)), mention(name), `${name} in ${file}`)
    else t.fail(`${name}: no ${file}`)
  }
})
