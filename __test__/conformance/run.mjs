// Node's own HTTP tests with ferrohttp in the place of the builtin module:
//   npm run conformance -- --tests DIR [--node BIN] [--match REGEX] [--jobs N] [--timeout SECONDS] [--verbose] [--roads]
// DIR is the `test` folder of a checkout of nodejs/node at the version that `expectations.json` names. Every
// test-http-* file is run; it fails when a file that must pass does not, and when a file passes that is not listed.
// With --roads it also counts which road the connections took: of files that bring no stream of their own and look into
// nothing of Node's, at least 95 % must be native.
// The files are those of one Node whatever runs them: `failing` names those that another Node fails itself, most of them
// because the tests' own tools want more than it has.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { countRoads } from './roads.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const FOLDERS = ['parallel', 'sequential']
const NAME = /^test-http-.*\.m?js$/
/** How much of a failed test's output is shown. */
const TAIL = 2000

const { values: options } = parseArgs({
  options: {
    tests: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    match: { type: 'string', default: '' },
    jobs: { type: 'string', default: String(os.availableParallelism()) },
    timeout: { type: 'string', default: '60' },
    verbose: { type: 'boolean', default: false },
    roads: { type: 'boolean', default: false },
  },
})

if (options.tests === undefined) {
  console.error('usage: npm run conformance -- --tests DIR [--node BIN] [--match REGEX] [--jobs N] [--timeout SECONDS]')
  process.exit(2)
}

const tests = path.resolve(options.tests)
const expectations = JSON.parse(await readFile(new URL('expectations.json', import.meta.url), 'utf8'))
const major = execFileSync(options.node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).trim()
const mayFail = new Set([...Object.keys(expectations.excluded), ...(expectations.failing[major] ?? [])])
const mustPass = new Set(expectations.pass.filter((file) => !mayFail.has(file)))
const scratch = await mkdtemp(path.join(os.tmpdir(), 'conformance-'))
const roadsLog = path.join(scratch, 'roads.jsonl')
const preloads = ['dist/register.js', ...(options.roads ? ['__test__/conformance/roads.cjs'] : [])]
const preloadFlags = preloads.flatMap((file) => ['-r', path.join(ROOT, file)])

async function find() {
  const wanted = new RegExp(options.match)
  const files = []
  for (const folder of FOLDERS) {
    const names = await readdir(path.join(tests, folder)).catch(() => [])
    for (const name of names.sort()) if (NAME.test(name)) files.push(`${folder}/${name}`)
  }
  if (files.length === 0) throw new Error(`no test-http-* files below ${tests}`)
  return files.filter((file) => wanted.test(file))
}

/** @returns {Promise<{ passed: boolean, output: string }>} */
async function run(file, index) {
  const source = await readFile(path.join(tests, file), 'utf8')
  const flags = [...source.matchAll(/^\/\/ Flags:(.*)$/gm)].flatMap(([, words]) => words.trim().split(/\s+/))
  const child = spawn(options.node, [...flags, ...preloadFlags, path.join(tests, file)], {
    cwd: tests,
    env: {
      ...process.env,
      NODE_TEST_DIR: scratch,
      TEST_THREAD_ID: String(index),
      FERROHTTP_TEST_FILE: file,
      FERROHTTP_TEST_ROADS: roadsLog,
    },
    // A process group of its own, so that the processes of the test end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const timer = setTimeout(() => {
    output += `\nstopped after ${options.timeout} s`
    process.kill(-child.pid, 'SIGKILL')
  }, Number(options.timeout) * 1000)
  const code = await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return { passed: code === 0, output }
}

/** The fault of this outcome, null if it is right. */
function complaint(file, passed) {
  if (mustPass.has(file)) return passed ? null : 'must pass and does not'
  if (!passed) return mayFail.has(file) ? null : 'fails and is not in expectations.json'
  return 'passes now: expectations.json lists it as failing'
}

const files = await find()
const complaints = []
let passedCount = 0
let next = 0

async function work() {
  while (next < files.length) {
    const index = next++
    const file = files[index]
    const { passed, output } = await run(file, index)
    if (passed) passedCount++
    const wrong = complaint(file, passed)
    if (options.verbose) console.log(`${passed ? 'pass' : 'fail'} ${file}`)
    if (wrong !== null) {
      complaints.push(`${file} ${wrong}`)
      console.log(`\n${file} ${wrong}${passed ? '' : `\n${output.slice(-TAIL)}`}`)
    }
  }
}

await Promise.all(Array.from({ length: Number(options.jobs) }, work))
if (options.roads) {
  const { summary, enough } = await countRoads(tests, roadsLog)
  console.log(`\n${summary}`)
  if (!enough) complaints.push('too few connections took the native road')
}
await rm(scratch, { recursive: true, force: true })

if (options.match === '') {
  for (const file of [...mustPass, ...mayFail])
    if (!files.includes(file)) complaints.push(`${file} is in expectations.json and not among the tests`)
}
console.log(`\n${passedCount} of ${files.length} of Node ${expectations.node}'s tests pass on Node ${major}`)
for (const line of complaints) console.log(line)
process.exit(complaints.length === 0 ? 0 : 1)
