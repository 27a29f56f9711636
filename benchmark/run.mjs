// `npm run bench`: measures ferrohttp beside its rivals. See README.md for how to read the result.
import { locate, takesPart } from './http/implementations.mjs'
import { missingTool } from './http/load.mjs'
import { measure } from './http/measure.mjs'
import { missingNeed } from './http/needs.mjs'
import { parseOptions, USAGE, UsageError } from './http/options.mjs'
import { pinned } from './http/pinning.mjs'
import { Progress } from './http/progress.mjs'
import { machine, report } from './http/report.mjs'
import { withEarlier, writeChart, writeJson } from './http/results.mjs'

async function main() {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) return console.log(USAGE)
  if (process.platform !== 'linux') throw new UsageError('the figures come from /proc: this benchmark runs on Linux')

  const { rounds, seconds, warmUpAtMost } = options
  const scenarios = possible(options)
  const tools = new Set(scenarios.map(missingTool).filter((tool) => tool !== null))
  if (tools.size > 0 && !options.smoke) throw new UsageError([...tools].join('\n'))
  const { found, missing } = locate(options.names, options.node)
  for (const { name, reason } of missing) console.error(`${name}: skipped, ${reason}`)
  if (found.length === 0 || (options.explicit && missing.length > 0)) {
    throw new UsageError('an implementation that was asked for is not there')
  }

  const asksServer = ({ kind, backend }) => kind === 'client' || backend === 'http'
  const server = scenarios.some(asksServer) ? peer(options) : null
  const results = await run(scenarios, found, { rounds, seconds, server, warmUpAtMost })
  if (results.length === 0) throw new UsageError('none of these implementations takes part in these scenarios')
  const titles = new Set(results.map(({ implementation }) => implementation.title))
  const answers = results.reduce((total, { scenario }) => total + rounds * (scenario.repeat ?? 1), 0)
  console.log(`${answers} answers of ${[...titles].join('; ')} verified\n`)

  const all = options.append ? withEarlier(options.json, results) : results
  if (all.some(({ samples }) => samples.length > 0)) console.log(report(all, { rounds, seconds, pinned, server }))
  for (const tool of tools) console.log(`load skipped: ${tool}`)
  if (options.json) writeJson(options.json, all, { ...machine(), pinned, rounds, seconds })
  if (options.svg && writeChart(options.svg, all)) console.error(`chart: ${options.svg}`)
}

/** The scenarios whose requirements are met. It is an error if one that was named has a missing requirement. */
function possible({ scenarios, named }) {
  const absent = scenarios.map((scenario) => ({ scenario, need: missingNeed(scenario) }))
  for (const { scenario, need } of absent) {
    if (need === null) continue
    if (named) throw new UsageError(`${scenario.name}: ${need}`)
    console.log(`${scenario.name} skipped: ${need}`)
  }
  return absent.filter(({ need }) => need === null).map(({ scenario }) => scenario)
}

/** The server that answers clients and gateways. Without it their scenarios cannot run for any implementation. */
function peer({ server, node }) {
  const { found, missing } = locate([server], node)
  if (missing.length > 0) throw new UsageError(`clients need a server to ask: ${missing[0].reason}`)
  return found[0]
}

/** Rounds have the order ABCD ABCD …, so that a slow minute of the machine affects all implementations. */
async function run(scenarios, implementations, { rounds, ...how }) {
  const results = scenarios.flatMap((scenario) =>
    implementations
      .filter((implementation) => takesPart(implementation, scenario))
      .map((implementation) => ({ scenario, implementation, samples: [] })),
  )
  const roundsOf = ({ repeat = 1 }) => rounds * repeat
  const progress = new Progress(results.reduce((total, { scenario }) => total + roundsOf(scenario), 0))
  for (const scenario of scenarios) {
    const group = results.filter((result) => result.scenario === scenario)
    for (let round = 1; round <= roundsOf(scenario); round += 1) {
      for (const { implementation, samples } of group) {
        progress.next(`${scenario.name} ${round}/${roundsOf(scenario)} ${implementation.name}`)
        const sample = await measure(implementation, scenario, how)
        if (sample) samples.push(sample)
      }
    }
  }
  progress.end()
  return results
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? `bench: ${error.message}` : error)
  process.exitCode = 1
}
