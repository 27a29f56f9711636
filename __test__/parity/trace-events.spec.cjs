'use strict'
// The log of trace events of category 'node.http', with the register module and without.
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, readdir, rm } = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const test = require('ava')
const on24 = require('./_on24.cjs')

const PROGRAM = path.join(__dirname, 'fixtures/traced.cjs')
const ROOT = path.dirname(require.resolve('ferrohttp/package.json'))
const REGISTER = ['--require', path.join(ROOT, require('ferrohttp/package.json').exports['./register'].default)]
const TRACED = ['--trace-event-categories', 'node.http']

/** The output of the program, and the events in its log. */
async function run(name, flags) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'traced-'))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, PROGRAM, name], { cwd: folder })
    const events = []
    for (const file of (await readdir(folder)).sort()) {
      const { traceEvents } = JSON.parse(await readFile(path.join(folder, file), 'utf8'))
      events.push(...traceEvents.filter(({ cat }) => cat.split(',').includes('node.http')))
    }
    return { stdout, events: events.map(withoutChance(events)) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Ids are counted from the first event that is reported. */
function withoutChance(events) {
  const ids = [...new Set(events.map(({ id }) => id))]
  return ({ ph, cat, name, id, args }) => ({ ph, cat, name, id: ids.indexOf(id), args })
}

for (const [name, flags, count, on = test] of [
  ['exchange', TRACED, 4],
  ['one connection', TRACED, 20],
  ['aborted', TRACED, 9],
  ['upgraded', TRACED, 1],
  ['with diagnostics channels and a performance observer', TRACED, 4, on24],
  ['a worker', TRACED, 4],
  ["an inspector's", [], 0],
  ['turned on and off', [], 14],
  ['exchange', ['--trace-event-categories', 'node,node.http2,v8'], 0],
  ['exchange', [], 0],
]) {
  on(`${name}, ${flags.at(-1) ?? 'no flag'}`, async (t) => {
    const [node, ours] = [await run(name, flags), await run(name, [...REGISTER, ...flags])]
    t.deepEqual(ours, node)
    t.is(ours.events.length, count)
  })
}
