// A handler of 2 ms CPU at three times its capacity: requests served in time, and how long they took, with and without the option
// `overload`, beside node:http. See README.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { quantile } from './http/statistics.mjs'
import { closedLoop, openLoop } from './overload/load.mjs'

const SERVER = fileURLToPath(new URL('overload/server.cjs', import.meta.url))
const KINDS = { node: 'node:http', ferrohttp: 'ferrohttp', refusing: 'ferrohttp, overload' }
/** Seconds at the beginning whose requests are not counted: the code is compiled, and the interval passes. */
const WARM_UP = 2

async function measure(kind, { node, seconds, factor }) {
  const server = fork(SERVER, [kind], { execPath: node, execArgv: [] })
  try {
    const [port] = await once(server, 'message')
    await closedLoop(port, 2, WARM_UP)
    const capacity = await closedLoop(port, 2, 3)
    const unloaded = await openLoop(port, Math.round(capacity * 0.2), 5)
    await openLoop(port, Math.round(capacity * factor), WARM_UP)
    const loaded = await openLoop(port, Math.round(capacity * factor), seconds)
    const goodput = loaded.times.length / seconds
    return [
      KINDS[kind],
      capacity.toFixed(0),
      quantile(unloaded.times, 0.99).toFixed(1),
      `${goodput.toFixed(0)} (${(goodput / capacity).toFixed(2)})`,
      quantile(loaded.times, 0.5).toFixed(1),
      quantile(loaded.times, 0.99).toFixed(1),
      loaded.refused,
      loaded.failed,
    ]
  } finally {
    server.kill('SIGKILL')
  }
}

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: process.execPath },
    seconds: { type: 'string', default: '10' },
    factor: { type: 'string', default: '3' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  console.log('node benchmark/overload.mjs [--seconds 10] [--factor 3] [--node NODE]')
} else {
  const options = { node: values.node, seconds: Number(values.seconds), factor: Number(values.factor) }
  console.log(
    '| server | capacity, 1/s | unloaded p99, ms | served within 1 s, 1/s (of capacity) | p50, ms | p99, ms | refused | failed |',
  )
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|')
  for (const kind of Object.keys(KINDS)) console.log(`| ${(await measure(kind, options)).join(' | ')} |`)
}
