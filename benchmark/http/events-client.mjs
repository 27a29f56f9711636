// A process that holds streams of server-sent events and compares each event. Arguments: port, path, how many streams.
// Prints {"open":N} when each stream has had its first event. For each line of its standard input it prints the figures since the
// last line. Ends with its standard input.
import http from 'node:http'
import { createInterface } from 'node:readline'
import { Latencies } from '../clients/latencies.mjs'

/** Number of streams that are opened at the same time: few enough for every accept queue. */
const OPENING_AT_ONCE = 64
const EVENT = /^data: (\d+) ([\d.]+)\n\n$/

const [port, path, wanted] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])]
const latencies = new Latencies()
let started = 0
let open = 0
let events = 0
let since = performance.now()

function fail(error) {
  console.error(`after ${open} streams: ${error.message}`)
  process.exit(1)
}

function openOne() {
  if (started === wanted) return
  started += 1
  const request = http.get({ port, path, host: '127.0.0.1', agent: false }, (res) => {
    if (res.statusCode !== 200 || res.headers['content-type'] !== 'text/event-stream') {
      fail(new Error(`got ${res.statusCode}, ${res.headers['content-type']}`))
    }
    openOne()
    read(res)
  })
  request.on('error', fail)
}

function read(res) {
  let rest = ''
  let number = 0
  res.setEncoding('latin1').on('data', (text) => {
    rest += text
    for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
      const event = rest.slice(0, end + 2)
      rest = rest.slice(end + 2)
      number += 1
      receive(event, number)
    }
  })
  res.on('close', () => fail(new Error('the server closed a stream')))
}

function receive(text, number) {
  const found = EVENT.exec(text)
  if (found === null || Number(found[1]) !== number) fail(new Error(`event ${number} is ${JSON.stringify(text)}`))
  latencies.record(Math.max(0, performance.timeOrigin + performance.now() - Number(found[2])))
  events += 1
  if (number > 1) return
  open += 1
  if (open === wanted) console.log(JSON.stringify({ open }))
}

createInterface({ input: process.stdin })
  .on('line', () => {
    const now = performance.now()
    const figures = { requests: events, seconds: (now - since) / 1000 }
    console.log(JSON.stringify({ ...figures, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) }))
    latencies.clear()
    events = 0
    since = now
  })
  .on('close', () => process.exit(0))
for (let i = 0; i < OPENING_AT_ONCE; i += 1) openOne()
