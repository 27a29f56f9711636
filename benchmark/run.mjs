// `npm run bench`: measures ferrohttp beside its rivals. See README.md for how to read the result.
import { writeFileSync } from 'node:fs'
import { locate, takesPart } from './http/implementations.mjs'
import { missingTool } from './http/load.mjs'
import { measure } from './http/measure.mjs'
import { parseOptions, USAGE, UsageError } from './http/options.mjs'
import { pinned } from './http/pinning.mjs'
import { machine, report } from './http/report.mjs'

async function main() {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) return console.log(USAGE)
  if (process.platform !== 'linux') throw new UsageError('the figures come from /proc: this benchmark runs on Linux')

  const { scenarios, rounds, seconds } = options
  const tools = new Set(scenarios.map(missingTool).filter((tool) => tool !== null))
  if (tools.size > 0 && !options.smoke) throw new UsageError([...tools].join('\n'))
  const { found, missing } = locate(options.names, options.node)
  for (const { name, reason } of missing) console.error(`${name}: skipped, ${reason}`)
  if (found.length === 0 || (options.explicit && missing.length > 0)) {
    throw new UsageError('an implementation that was asked for is not there')
  }

  const asksServer = ({ kind, backend }) => kind === 'client' || backend === 'http'
  const server = scenarios.some(asksServer) ? peer(options) : null
  const results = await run(scenarios, found, { rounds, seconds, server })
  if (results.length === 0) throw new UsageError('none of these implementations takes part in these scenarios')
  const answers = results.length * rounds
  const titles = new Set(results.map(({ implementation }) => implementation.title))
  console.log(`${answers} answers of ${[...titles].join('; ')} verified\n`)
  if (results.some(({ samples }) => samples.length > 0))
    console.log(report(results, { rounds, seconds, pinned, server }))
  for (const tool of tools) console.log(`load skipped: ${tool}`)
  if (options.json)
    writeFileSync(
      options.json,
      `${JSON.stringify({ ...machine(), pinned, rounds, seconds, results: raw(results) }, null, 2)}\n`,
    )
}

/** Who answers the clients and gateways. Without it their scenarios cannot run, whoever was asked for. */
function peer({ server, node }) {
  const { found, missing } = locate([server], node)
  if (missing.length > 0) throw new UsageError(`clients need a server to ask: ${missing[0].reason}`)
  return found[0]
}

/** Rounds go ABCD ABCD …, so that a slow minute of the machine falls on everybody. */
async function run(scenarios, implementations, { rounds, ...how }) {
  const results = []
  for (const scenario of scenarios) {
    const able = implementations.filter((implementation) => takesPart(implementation, scenario))
    const group = able.map((implementation) => ({ scenario, implementation, samples: [] }))
    results.push(...group)
    for (let round = 1; round <= rounds; round += 1) {
      for (const { implementation, samples } of group) {
        console.error(`${scenario.name} ${round}/${rounds} ${implementation.name}`)
        const sample = await measure(implementation, scenario, how)
        if (sample) samples.push(sample)
      }
    }
  }
  return results
}

function raw(results) {
  return results.map(({ scenario, implementation, samples }) => ({
    scenario: scenario.name,
    implementation: implementation.name,
    title: implementation.title,
    samples,
  }))
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? `bench: ${error.message}` : error)
  process.exitCode = 1
}
