// Compares two builds of ferrohttp: how much CPU a request costs in the second one, as a ratio to the first. See README.md.
import { resolve } from 'node:path'
import { load, missingTool } from './http/load.mjs'
import { list, parse, UsageError, whole } from './http/options.mjs'
import { pinned } from './http/pinning.mjs'
import { cpuUsage } from './http/process-usage.mjs'
import { SCENARIOS } from './http/scenarios.mjs'
import { ServerProcess } from './http/server-process.mjs'
import { median } from './http/statistics.mjs'

const WARM_UP_MS = 1200
const COMPARABLE = SCENARIOS.filter(({ kind, backend }) => kind === 'load' && backend === undefined)
const USAGE = `Usage: node benchmark/compare.mjs [options] FOLDER FOLDER

  FOLDER            two checkouts with ferrohttp built: the reference, and what is compared to it
  --only A,B        only these scenarios: ${COMPARABLE.map(({ name }) => name).join(', ')}
  --pairs N         pairs of fresh servers for each scenario (default 6)
  --windows N       windows of load for each server of a pair (default 24)
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
  const builds = folders.map((folder) => build(resolve(process.env.INIT_CWD ?? '.', folder), values.node))
  const scenarios = COMPARABLE.filter(({ name }) => only?.includes(name) ?? true)
  const tool = scenarios.map(missingTool).find((missing) => missing !== null)
  if (tool) throw new UsageError(tool)
  console.log(`${pairs} pairs, ${windows} windows of ${ms} ms each${pinned ? ', pinned' : ''}; ratios to ${folders[0]}`)
  for (const scenario of scenarios) {
    const ratios = []
    for (let pair = 0; pair < pairs; pair++) ratios.push(await compare(builds, scenario, { windows, ms, pair }))
    console.log(row(scenario.name, ratios))
  }
}

/** The server of a checkout, as `ServerProcess` wants it. */
function build(folder, node) {
  return {
    name: folder,
    env: { HTTP_MODULE: 'ferrohttp' },
    server: ({ program = 'app' }) => [node, `${folder}/benchmark/servers/${program}.js`],
  }
}

/**
 * Both servers run at the same time and get their load in turns, so that a slow second of the machine falls on both. Which one is
 * started first, and which one a round begins with, alternates.
 *
 * @returns {Promise<{ cpu: number, js: number }>} medians of the ratios of neighbouring windows
 */
async function compare(builds, scenario, { windows, ms, pair }) {
  const [first, second] = pair % 2 === 0 ? [0, 1] : [1, 0]
  const length = ms * (scenario.stretch ?? 1)
  return await new ServerProcess(builds[first], scenario).during(scenario.name, (one) =>
    new ServerProcess(builds[second], scenario).during(scenario.name, async (other) => {
      const servers = first === 0 ? [one, other] : [other, one]
      for (const { port } of servers) await load(port, scenario, scenario.warmUpMs ?? WARM_UP_MS)
      const ratios = { cpu: [], js: [] }
      for (let round = 0; round < windows; round++) {
        const costs = []
        for (const index of round % 2 === 0 ? [0, 1] : [1, 0])
          costs[index] = await cost(servers[index], scenario, length)
        ratios.cpu.push(costs[1].cpu / costs[0].cpu)
        ratios.js.push(costs[1].js / costs[0].js)
      }
      return { cpu: median(ratios.cpu), js: median(ratios.js) }
    }),
  )
}

/** CPU a request in one window: of all threads, and of JavaScript's. */
async function cost({ pid, port }, scenario, ms) {
  const before = cpuUsage(pid)
  const { requests } = await load(port, scenario, ms)
  const after = cpuUsage(pid)
  return { cpu: (after.cpu - before.cpu) / requests, js: (after.mainThreadCpu - before.mainThreadCpu) / requests }
}

function row(name, ratios) {
  const column = (values) => `${median(values).toFixed(3)} [${values.map((value) => value.toFixed(2)).join(' ')}]`
  return `${name.padEnd(16)} CPU ${column(ratios.map(({ cpu }) => cpu))}  JS ${column(ratios.map(({ js }) => js))}`
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? `compare: ${error.message}\n\n${USAGE}` : error)
  process.exitCode = 1
}
