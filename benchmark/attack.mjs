// Slow and hostile peers, and what they cost the server and a well-behaved client, beside node:http. See docs/SECURITY.md.
import { parseArgs } from 'node:util'
import { ATTACKS, measure } from './attack/measure.mjs'

const USAGE = `npm run attack -- [--attacks ${Object.keys(ATTACKS).join(',')}]
  [--servers node,ferrohttp] [--timeout 15000] [--node NODE]`

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: process.execPath },
    timeout: { type: 'string', default: '15000' },
    servers: { type: 'string', default: 'node,ferrohttp' },
    attacks: { type: 'string', default: Object.keys(ATTACKS).join(',') },
    help: { type: 'boolean' },
  },
})

const COLUMNS = [
  ...['peers', 'JavaScript blocked', 'server', 'RSS, MiB', 'CPU', 'client: p50 / p99 / longest', 'probe: longest'],
  ...['client during the timeouts: p99 / longest', 'timeout, peers that it ended: late by p50 / longest'],
]

if (values.help) {
  console.log(USAGE)
} else {
  const options = { node: values.node, timeout: Number(values.timeout) }
  console.log(`| ${COLUMNS.join(' | ')} |`)
  console.log('|---|---|---|---:|---:|---:|---:|---:|---|')
  for (const attack of values.attacks.split(',')) {
    for (const isBlocked of [false, true]) {
      for (const server of values.servers.split(',')) {
        console.log(`| ${(await measure(attack, server, isBlocked, options)).join(' | ')} |`)
      }
    }
  }
}
