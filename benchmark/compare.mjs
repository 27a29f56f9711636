// Compares two builds of ferrohttp: how much CPU a request costs in the second one, as a ratio to the first, in the server or in the client.
// See README.md.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClientProcess } from './http/client-process.mjs'
import { locate } from './http/implementations.mjs'
import { load, missingTool } from './http/load.mjs'
import { prepare, withBackend } from './http/measure.mjs'
import { missingNeed } from './http/needs.mjs'
import { list, parse, UsageError, whole } from './http/options.mjs'
import { onOtherCore, pinned } from './http/pinning.mjs'
import { cpuUsageOfAll } from './http/process-usage.mjs'
import { SCENARIOS } from './http/scenarios.mjs'
import { ServerProcess } from './http/server-process.mjs'
import { median } from './http/statistics.mjs'

const WARM_UP_MS = 1200
const COMPARABLE = SCENARIOS.filter(({ kind, storm }) => kind === 'client' || (kind === 'load' && !storm))
const NODE = 'node:http'
const OWN_SERVERS = fileURLToPath(new URL('servers', import.meta.url))
const CLIENT = fileURLToPath(new URL('clients/http.mjs', import.meta.url))
/** Of a window of a client, which starts without requests in flight: this share of its length is not measured. */
const CLIENT_WARM_UP = 0.25
const USAGE = `Usage: node benchmark/compare.mjs [options] FOLDER FOLDER

  FOLDER            two checkouts with ferrohttp built: the reference, and what is compared to it. '${NODE}' is Node's own
  --only A,B        only these scenarios: ${COMPARABLE.map(({ name }) => name).join(', ')}
  --pairs N         pairs of fresh servers or clients for each scenario (default 6)
  --windows N       windows of load for each server or client of a pair, rounded up to an even number (default 24)
  --ms MS           length of a window (default 120)
  --node FILE       the Node.js binary (default: the one that runs this script)`

async function main() {
  const { values, positionals: folders } = parse({
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      pairs: { type: 'string' },
      windows: { type: 'string' },
      ms: { type: 'string' },
      node: { type: 'string', default: process.execPath },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return console.log(USAGE)
  if (folders.length !== 2) throw new UsageError('two folders are needed')
  const only = list(
    values.only,
    COMPARABLE.map(({ name }) => name),
  )
  const pairs = whole(values.pairs, '--pairs', 6)
  const windows = whole(values.windows, '--windows', 24)
  const ms = whole(values.ms, '--ms', 120)
  const builds = folders.map((folder) => build(folder, values.node))
  const scenarios = COMPARABLE.filter(({ name }) => only?.includes(name) ?? true)
  const missing = scenarios.flatMap((scenario) => [missingTool(scenario), missingNeed(scenario)])
  const tool = missing.find((text) => text !== null)
  if (tool) throw new UsageError(tool)
  const needsPeer = scenarios.some(({ kind, backend }) => kind === 'client' || backend === 'http')
  const peer = needsPeer ? answeringPeer(values.node) : null
  console.log(`${pairs} pairs, ${windows} windows of ${ms} ms each${pinned ? ', pinned' : ''}; ratios to ${folders[0]}`)
  for (const scenario of scenarios) {
    const ratios = []
    const compare = scenario.kind === 'client' ? compareClients : compareServers
    for (let pair = 0; pair < pairs; pair++) ratios.push(await compare(builds, scenario, { windows, ms, pair, peer }))
    console.log(row(scenario.name, ratios))
  }
}

/** The server of a checkout, for `ServerProcess`, and its client, for `ClientProcess`. */
function build(folder, node) {
  const isNode = folder === NODE
  const checkout = resolve(process.env.INIT_CWD ?? '.', folder)
  const servers = isNode ? OWN_SERVERS : `${checkout}/benchmark/servers`
  return {
    name: folder,
    env: isNode ? { HTTP_MODULE: NODE } : { HTTP_MODULE: 'ferrohttp', FERROHTTP_FOLDER: checkout },
    client: [node, CLIENT],
    server: ({ program = 'app' }) => [node, `${servers}/${program}.js`],
  }
}

/** The server that answers clients and gateways. */
function answeringPeer(node) {
  const { found, missing } = locate(['hyper'], node)
  if (found.length === 0) throw new UsageError(`clients and gateways need a server to ask: ${missing[0].reason}`)
  return found[0]
}

/**
 * Both servers run at the same time and get their load in turns, so that a slow second of the machine affects both. A server still has
 * requests of a window when that ends, and a window of the same server that follows at once pays for them: in each round a server has
 * one such window and one other. The server that is started first alternates. Each has a service of its own, if the scenario has one.
 *
 * @returns {Promise<{ cpu: number, js: number, rate: number }>} medians of the rounds' ratios
 */
async function compareServers(builds, scenario, { windows, ms, pair, peer }) {
  const [first, second] = pair % 2 === 0 ? [0, 1] : [1, 0]
  const length = ms * (scenario.stretch ?? 1)
  const serve = (index, use) =>
    withBackend(scenario, peer, (env) =>
      new ServerProcess(builds[index], scenario, { env }).during(scenario.name, async (server) =>
        use({ server, ready: await prepare(server, scenario) }),
      ),
    )
  return await serve(first, (one) =>
    serve(second, async (other) => {
      const served = first === 0 ? [one, other] : [other, one]
      for (const { server, ready } of served) await load(server.port, ready, scenario.warmUpMs ?? WARM_UP_MS)
      return await inTurns(windows, (index) => cost(served[index], length))
    }),
  )
}

/** As `compareServers`. One server answers both clients. A window ends when its last request is answered, so the next one does not pay for it. */
async function compareClients(builds, scenario, { windows, ms, pair, peer }) {
  const [first, second] = pair % 2 === 0 ? [0, 1] : [1, 0]
  const length = ms * (scenario.stretch ?? 1)
  const server = new ServerProcess(peer, scenario, { pin: onOtherCore })
  return await server.during(scenario.name, ({ port }) => {
    const start = (index, use) => new ClientProcess(builds[index].client, scenario, port, builds[index].env).during(use)
    return start(first, (one) =>
      start(second, async (other) => {
        const clients = first === 0 ? [one, other] : [other, one]
        for (const client of clients) await client.window(0, scenario.warmUpMs ?? WARM_UP_MS)
        return await inTurns(windows, async (index) => {
          const { cpu, jsCpu, rate } = await clients[index].window(Math.round(length * CLIENT_WARM_UP), length)
          return { cpu, js: jsCpu, rate }
        })
      }),
    )
  })
}

/**
 * @param {number} windows of each side
 * @param {(index: 0 | 1) => Promise<{ cpu: number, js: number, rate: number }>} measure runs a window of one side
 * @returns {Promise<{ cpu: number, js: number, rate: number }>} medians of the ratios of the rounds
 */
async function inTurns(windows, measure) {
  const ratios = { cpu: [], js: [], rate: [] }
  for (let round = 0; round < windows; round += 2) {
    const costs = [[], []]
    for (const index of [0, 1, 1, 0]) costs[index].push(await measure(index))
    const sum = (index, name) => costs[index][0][name] + costs[index][1][name]
    for (const name of Object.keys(ratios)) ratios[name].push(sum(1, name) / sum(0, name))
  }
  return { cpu: median(ratios.cpu), js: median(ratios.js), rate: median(ratios.rate) }
}

/** CPU a request in one window, of all threads and of JavaScript's, and requests a second. */
async function cost({ server, ready }, ms) {
  let before = cpuUsageOfAll(server.pids)
  const { requests, seconds } = await load(server.port, ready, ms, () => {
    before = cpuUsageOfAll(server.pids)
  })
  const after = cpuUsageOfAll(server.pids)
  return {
    cpu: (after.cpu - before.cpu) / requests,
    js: (after.mainThreadCpu - before.mainThreadCpu) / requests,
    rate: requests / seconds,
  }
}

function row(name, ratios) {
  const column = (values) => `${median(values).toFixed(3)} [${values.map((value) => value.toFixed(2)).join(' ')}]`
  const of = (key) => column(ratios.map((ratio) => ratio[key]))
  return `${name.padEnd(16)} CPU ${of('cpu')}  JS ${of('js')}  requests/s ${of('rate')}`
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? `compare: ${error.message}\n\n${USAGE}` : error)
  process.exitCode = 1
}
