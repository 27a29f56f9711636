// Mixed traffic for a given time: valid requests, and the faults that a server meets in an hour. Between stretches all peers
// leave, and the server's memory and handles are compared, which must not grow. Ends with 1 if they do, or if an answer was
// wrong. See README.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { leave, VISITS, visit } from './soak/traffic.mjs'

const SERVER = fileURLToPath(new URL('servers/soak.js', import.meta.url))
const MIB = 1024 * 1024
/** Allowed growth between the first and the last sample. Memory varies by some MiB even in an idle process. */
const RSS_LIMIT = 32 * MIB
const HEAP_LIMIT = 4 * MIB
/** Longer than any of the server's time limits. */
const QUIET_MS = 15_000

async function main() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '180' },
      stretches: { type: 'string', default: '6' },
      peers: { type: 'string', default: '48' },
      http: { type: 'string', default: 'ferrohttp' },
      node: { type: 'string', default: process.execPath },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log(
      'node benchmark/soak.mjs [--seconds 180] [--stretches 6] [--peers 48] [--http ferrohttp | node:http] [--node NODE]',
    )
    return
  }
  const server = fork(SERVER, {
    execPath: values.node,
    execArgv: ['--expose-gc'],
    env: { ...process.env, HTTP_MODULE: values.http },
  })
  server.once('exit', (code, signal) => {
    console.error(`the server ended: ${code ?? signal}`)
    process.exit(1)
  })
  const [{ port }] = await once(server, 'message')
  const tally = { visits: 0, wrong: new Map() }

  console.log(
    '| after s | visits | connections | handles | threads | files | RSS MiB | heap MiB |\n|---:|---:|---:|---|---:|---:|---:|---:|',
  )
  const looks = []
  const stretches = Number(values.stretches)
  const stretch = (Number(values.seconds) * 1000) / stretches
  for (let i = 0; i < stretches; i += 1) {
    await Promise.all(
      Array.from({ length: Number(values.peers) }, () => keepVisiting(port, performance.now() + stretch, tally)),
    )
    leave()
    const look = await quietLook(server)
    looks.push(look)
    print(look, ((i + 1) * stretch) / 1000, tally)
  }
  server.removeAllListeners('exit')
  server.disconnect()
  judge(looks, tally)
}

async function keepVisiting(port, until, tally) {
  const names = Object.keys(VISITS)
  while (performance.now() < until) {
    const name = names[Math.floor(Math.random() * names.length)]
    const wrong = await visit(name, port)
    tally.visits += 1
    if (wrong !== null) tally.wrong.set(wrong, (tally.wrong.get(wrong) ?? 0) + 1)
  }
}

/** A sample of the server after its last connection has closed. */
async function quietLook(server) {
  const deadline = performance.now() + QUIET_MS
  for (;;) {
    server.send('sample')
    const [look] = await once(server, 'message')
    if ((look.connections === 0 && look.open === 0) || performance.now() > deadline) return look
    await sleep(100)
  }
}

const mib = (bytes) => (bytes / MIB).toFixed(1)
const kinds = (handles) =>
  Object.entries(handles)
    .filter(([kind]) => kind !== 'Timeout' && kind !== 'Immediate')
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')

function print(look, seconds, tally) {
  console.log(
    `| ${seconds.toFixed(0)} | ${tally.visits} | ${look.connections}, ${look.open} native | ${kinds(look.handles)} | ${look.threads} | ${look.files} | ` +
      `${mib(look.rss)} | ${mib(look.heap)} |`,
  )
}

function judge(looks, tally) {
  const first = looks[0]
  const last = looks.at(-1)
  const grown = (name) => last[name] - first[name]
  const faults = [
    last.connections !== 0 && `${last.connections} connections are left`,
    last.open !== 0 && `${last.open} native connections are left`,
    kinds(last.handles) !== kinds(first.handles) && 'handles are left',
    grown('threads') !== 0 && `threads: ${grown('threads')} more`,
    grown('files') !== 0 && `files: ${grown('files')} more`,
    grown('rss') > RSS_LIMIT && `RSS grew by ${mib(grown('rss'))} MiB`,
    grown('heap') > HEAP_LIMIT && `heap grew by ${mib(grown('heap'))} MiB`,
    ...[...tally.wrong].map(([what, times]) => `${times} × ${what}`),
  ].filter(Boolean)
  console.log(
    `\n${tally.visits} visits, ${last.thrown} exceptions thrown on purpose; RSS ${mib(grown('rss'))} MiB, heap ${mib(grown('heap'))} MiB between the first look and the last`,
  )
  for (const fault of faults) console.log(`FAIL ${fault}`)
  if (faults.length > 0) process.exitCode = 1
}

await main()
