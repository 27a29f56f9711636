// The common part of the clients' programs: compares one whole answer, warms up, measures a window, drains, and prints figures.
// Arguments: port, scenario, warm-up and window in milliseconds. Prints the figures as one line of JSON and ends by itself.
// With an IPC channel it has no times as arguments, and runs a window for each message `{ warmUpMs, windowMs }` until it is killed.
// A wrong answer or a failed request ends the process with code 1.
import { cpuUsage, residentBytes } from '../http/process-usage.mjs'
import { SCENARIOS } from '../http/scenarios.mjs'
import { Latencies } from './latencies.mjs'

/**
 * @typedef {object} Client
 * @property {(done: (status: number, bytes: number) => void, kept?: Buffer[]) => void} ask sends one request and reads its
 *   answer to the end; adds the body's chunks to `kept`, if it is passed
 * @property {() => void | Promise<void>} close ends the connections
 * @property {() => void} [check] throws when the requests were not made as they should have been
 */

/** @param {(port: number, scenario: import('../http/scenarios.mjs').Scenario) => Client} connect */
export async function drive(connect) {
  const [port, name, warmUpMs, windowMs] = process.argv.slice(2)
  const scenario = SCENARIOS.find((each) => each.name === name)
  const client = connect(Number(port), scenario)
  await compare(client, scenario)
  if (process.send) return serveWindows(client, scenario)
  const figures = await load(client, scenario, Number(warmUpMs), Number(windowMs))
  client.check?.()
  await client.close()
  console.log(JSON.stringify(figures))
}

/** Answers each message of the parent process with the figures of one window. */
function serveWindows(client, scenario) {
  process.on('message', ({ warmUpMs, windowMs }) => {
    load(client, scenario, warmUpMs, windowMs).then((figures) => {
      client.check?.()
      process.send(figures)
    }, fail)
  })
}

/** @param {Error} error */
export function fail(error) {
  console.error(error)
  process.exit(1)
}

/** The options that all HTTP clients share. */
export function requestOptions({ method, path, bodyBytes = 0 }) {
  const body = bodyBytes > 0 ? Buffer.alloc(bodyBytes, 'x') : undefined
  return { options: { method, path, headers: body ? { 'Content-Length': bodyBytes } : {} }, body }
}

/** Compares the whole first answer. Those under load are checked by status and length. */
function compare(client, { answer }) {
  const kept = []
  return new Promise((resolve, reject) => {
    client.ask((status) => {
      const body = Buffer.concat(kept).toString('latin1')
      if (status === 200 && body === answer.body) return resolve()
      reject(new Error(`got ${status} and ${body.length} bytes (${JSON.stringify(body.slice(0, 80))})`))
    }, kept)
  })
}

/**
 * Keeps `connections` requests in flight. The window begins and ends with the end of a request, without a pause between warm-up,
 * window and drain.
 */
function load(client, { connections, answer }, warmUpMs, windowMs) {
  const latencies = new Latencies()
  let inFlight = connections
  let answered = 0
  /** Number of requests, including the first one, which was compared. */
  let total = 1
  let opened = null
  let figures = null
  let deadline = performance.now() + warmUpMs

  function open() {
    latencies.clear()
    answered = 0
    opened = { usage: cpuUsage(process.pid), at: performance.now() }
    deadline = opened.at + windowMs
  }

  function close(now) {
    const usage = cpuUsage(process.pid)
    const seconds = (now - opened.at) / 1000
    const cpu = usage.cpu - opened.usage.cpu
    figures = {
      rate: answered / seconds,
      cpu: cpu / 1000 / answered,
      jsCpu: (usage.mainThreadCpu - opened.usage.mainThreadCpu) / 1000 / answered,
      p50: latencies.percentile(0.5),
      p99: latencies.percentile(0.99),
      rss: residentBytes(process.pid),
      busy: cpu / 1e9 / seconds,
    }
  }

  return new Promise((resolve) => {
    function next() {
      const asked = performance.now()
      client.ask((status, bytes) => {
        const now = performance.now()
        if (status !== 200 || bytes !== answer.bytes) fail(new Error(`answer ${total}: ${status} and ${bytes} bytes`))
        total += 1
        answered += 1
        latencies.record(now - asked)
        if (now >= deadline && figures === null) {
          if (opened === null) open()
          else close(now)
        }
        if (figures === null) return next()
        inFlight -= 1
        if (inFlight === 0) resolve({ ...figures, total })
      })
    }
    for (let i = 0; i < connections; i += 1) next()
  })
}
