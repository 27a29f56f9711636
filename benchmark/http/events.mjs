// The cost of server-sent events: many streams, one event a second on each.
import { setTimeout as sleep } from 'node:timers/promises'
import { LoadProgram } from './load-program.mjs'

/** The warm-up in milliseconds with all streams open, after which each has had its first event. */
const SETTLE_MS = 1_000

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {number} milliseconds
 * @param {(result: () => Promise<object>) => Promise<import('./measure.mjs').Sample>} figures measures while the function that it gets runs
 */
export async function measureEvents({ port }, { path, connections }, milliseconds, figures) {
  const client = new LoadProgram('events-client.mjs', [port, path, connections])
  await client.report()
  await sleep(SETTLE_MS)
  await client.report('begin')
  const sample = await figures(async () => {
    await sleep(milliseconds)
    return await client.report('end')
  })
  await client.release()
  return sample
}
