// Runs the Rust tests and the JavaScript tests of a built tree. The last line is `N passed, N failed`.
// `test.mjs rust` and `test.mjs js` run one of the two; further arguments of `js` are passed to ava.
import { createRequire } from 'node:module'
import path from 'node:path'
import { javascriptCounter, libtestCounter, nextestCounter } from './counters.mjs'
import { installDependencies } from './dependencies.mjs'
import { answers, follow, ROOT, run, Stop, script } from './process.mjs'

const { node } = createRequire(import.meta.url)('../../__test__/helpers/nodes.cjs')
const AVA = path.join(ROOT, 'node_modules/ava/entrypoints/cli.mjs')
/** The frameworks of the tests, which have dependencies of their own, so that the product does not depend on them. */
const FRAMEWORKS = '__test__/frameworks'
/** The Node whose behaviour ferrohttp has. Tests of behaviour in which versions differ always run on it. */
const REFERENCE = 24
const COMPARED = ['__test__/parity', '__test__/clients']
const CARGO_TEST = ['test', '--workspace', '--no-fail-fast', '--quiet']

const suites = {
  async rust() {
    // A step of its own, because a compiler may be silent for longer than a test.
    run('cargo', ['test', '--workspace', '--quiet', '--no-run'])
    if (!answers('cargo', ['nextest', '--version'])) return [await count('cargo', CARGO_TEST, libtestCounter())]
    const levels = ['--status-level', 'fail', '--final-status-level', 'none']
    const nextest = [
      'nextest',
      'run',
      '--workspace',
      '--no-fail-fast',
      '--no-tests',
      'pass',
      '--cargo-quiet',
      ...levels,
    ]
    // nextest leaves documentation tests out.
    return [
      await count('cargo', nextest, nextestCounter()),
      await count('cargo', [...CARGO_TEST, '--doc'], libtestCounter()),
    ]
  },
  async js(rest) {
    installDependencies(FRAMEWORKS)
    const counts = [await count(process.execPath, [AVA, ...rest], javascriptCounter())]
    const reference = node(REFERENCE)
    if (rest.length === 0 && reference !== null && reference !== process.execPath) {
      console.log(`js tests that compare with Node ${REFERENCE} alone`)
      counts.push(await count(reference, [AVA, ...COMPARED], javascriptCounter()))
    }
    return counts
  },
}

/** A step that fails without naming a test (it did not compile, it crashed) counts as one failure. */
async function count(command, args, counter) {
  const status = await follow(command, args, (line) => {
    if (counter.take(line)) console.log(line)
  })
  const { passed, failed } = counter.counts()
  return { passed, failed: status !== 0 ? Math.max(failed, 1) : failed }
}

await script(async () => {
  const [name, ...rest] = process.argv.slice(2)
  if (name !== undefined && !Object.hasOwn(suites, name)) throw new Stop('usage: test.mjs [rust | js [ava arguments]]')
  let passed = 0
  let failed = 0
  for (const suite of name === undefined ? Object.keys(suites) : [name]) {
    console.log(`${suite} tests`)
    for (const counts of await suites[suite](rest)) {
      passed += counts.passed
      failed += counts.failed
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
})
