// npm run fuzz:differential -- --seconds N --seed S: sends the same bytes to node:http and to ferrohttp. See README.md.
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { counts, describe, tables } from './report.mjs'
import { Session } from './session.mjs'

/** The version whose behaviour ferrohttp has on every Node. */
const REFERENCE = 24

const USAGE =
  'usage: npm run fuzz:differential -- [--seconds N] [--seed S] [--inputs N | --only INDEX] [--findings N] [--dist FOLDER] [--rows]'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    inputs: { type: 'string' },
    only: { type: 'string' },
    findings: { type: 'string', default: '1' },
    dist: { type: 'string', default: path.join(import.meta.dirname, '../../dist') },
    rows: { type: 'boolean', default: false },
  },
})

// Half of the inputs end in errors, whose stacks are not used.
Error.stackTraceLimit = 0

const seed = number('seed')
const session = new Session({
  seed,
  seconds: values.inputs === undefined ? number('seconds') : Infinity,
  first: values.only === undefined ? 0 : number('only'),
  inputs: values.only !== undefined ? 1 : values.inputs === undefined ? Infinity : number('inputs'),
  findings: number('findings'),
  ferrohttp: createRequire(import.meta.url)(path.resolve(values.dist, 'index.js')),
})

if (Number(process.versions.node.split('.')[0]) !== REFERENCE) {
  console.log(
    `this is Node ${process.versions.node}: what differs may be a difference between it and Node ${REFERENCE}`,
  )
}
const start = performance.now()
await session.run()
if (values.rows) console.log(tables(session))
for (const finding of session.findings.values()) console.log(describe(finding, seed))
console.log(counts(session, (performance.now() - start) / 1000))
process.exit(session.findings.size > 0 ? 1 : 0)

function number(name) {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 0) return value
  console.error(USAGE)
  process.exit(2)
}
