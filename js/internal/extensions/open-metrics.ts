/** `stats()` as families of metrics, as OpenMetrics 1.0 and prom-client have them. */
import { environment } from '../bridge/environment.js'
import { cumulated } from './histogram.js'
import { stats } from './stats.js'
import type { RoadStats } from '../../types.js'

type Labels = Record<string, string>

interface Sample {
  /** The suffix after the family's name. */
  suffix?: string
  labels: Labels
  value: number
}

export interface Family {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  samples: Sample[]
}

/** Upper limits of a histogram's buckets, in seconds. */
const LIMITS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export function families(): Family[] {
  const now = stats()
  const [queueDelay, handler, request] = environment.native.times()
  const sides: [string, RoadStats][] = [
    ['server', now.server],
    ['client', now.client],
  ]
  const bySide = (samples: (side: RoadStats) => [Labels, number][]): Sample[] =>
    sides.flatMap(([side, road]) => samples(road).map(([labels, value]) => ({ labels: { side, ...labels }, value })))
  const byLabel = (name: string, values: Record<string, number>): Sample[] =>
    Object.entries(values).map(([label, value]) => ({ labels: { [name]: label }, value }))
  const { completed, resumed, failed } = now.https.handshakes
  const origins = Object.entries(now.agents.origins)
  return [
    counter('requests', 'Requests that were passed to JavaScript.', one(now.requests.served)),
    counter('requests_refused', 'Requests that were refused because of overload.', one(now.requests.refused)),
    counter('probes', 'Probes of health that were answered.', one(now.requests.probes)),
    histogram('queue_delay_seconds', 'Time that requests have waited for the JavaScript thread.', queueDelay),
    histogram('handler_seconds', 'Time that handlers have occupied the JavaScript thread.', handler),
    histogram('request_duration_seconds', 'Time from the head of a request to the end of its response.', request),
    gauge(
      'connections',
      'Open native connections by what they are doing.',
      bySide(({ states: { lent: _, ...states } }) =>
        Object.entries(states).map(([state, value]) => [{ state }, value]),
      ),
    ),
    counter(
      'connections_opened',
      'Connections, by the kind of thread that has their sockets.',
      bySide(({ native, compatible }) => [
        [{ road: 'native' }, native],
        [{ road: 'compatible' }, compatible],
      ]),
    ),
    counter(
      'bytes',
      'Bytes of native connections.',
      bySide(({ received, sent }) => [
        [{ direction: 'received' }, received],
        [{ direction: 'sent' }, sent],
      ]),
    ),
    counter(
      'errors',
      'Errors of connections by code.',
      bySide(({ errors }) => Object.entries(errors).map(([code, value]) => [{ code }, value])),
    ),
    counter('timeouts', 'Timeouts by kind.', byLabel('kind', now.timeouts)),
    counter(
      'tls_handshakes',
      'TLS handshakes of servers.',
      byLabel('result', { full: completed - resumed, resumed, failed }),
    ),
    gauge(
      'agent_sockets',
      "Connections of agents' pools.",
      origins.flatMap(([origin, { sockets, freeSockets }]) => [
        { labels: { origin, state: 'active' }, value: sockets },
        { labels: { origin, state: 'idle' }, value: freeSockets },
      ]),
    ),
    gauge(
      'agent_requests',
      'Requests that wait for a connection.',
      origins.map(([origin, { requests }]) => ({ labels: { origin }, value: requests })),
    ),
    counter(
      'io_thread_cpu_seconds',
      'CPU time of I/O threads.',
      now.threads.flatMap(({ cpu }, thread) =>
        cpu === null ? [] : [{ labels: { thread: String(thread) }, value: cpu / 1_000 }],
      ),
    ),
  ]
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }]
}

function counter(name: string, help: string, samples: Sample[]): Family {
  return { name: `ferrohttp_${name}`, type: 'counter', help, samples }
}

function gauge(name: string, help: string, samples: Sample[]): Family {
  return { name: `ferrohttp_${name}`, type: 'gauge', help, samples }
}

function histogram(name: string, help: string, raw: readonly number[]): Family {
  const { counts, sum, count } = cumulated(raw, LIMITS)
  const bucket = (le: string, value: number): Sample => ({ suffix: '_bucket', labels: { le }, value })
  const samples = LIMITS.map((limit, index) => bucket(String(limit), counts[index]!))
  samples.push(
    bucket('+Inf', count),
    { suffix: '_sum', labels: {}, value: sum },
    { suffix: '_count', labels: {}, value: count },
  )
  return { name: `ferrohttp_${name}`, type: 'histogram', help, samples }
}

/** The families as text of OpenMetrics 1.0. */
export function openMetrics(all: readonly Family[]): string {
  const lines = all.flatMap(({ name, type, help, samples }) => [
    `# TYPE ${name} ${type}`,
    ...(name.endsWith('_seconds') ? [`# UNIT ${name} seconds`] : []),
    `# HELP ${name} ${help}`,
    ...samples.map(({ suffix = type === 'counter' ? '_total' : '', labels, value }) => {
      const text = Object.entries(labels).map(([label, of]) => `${label}="${escapeValue(of)}"`)
      return `${name}${suffix}${text.length === 0 ? '' : `{${text.join(',')}}`} ${value}`
    }),
  ])
  return `${lines.join('\n')}\n# EOF\n`
}

function escapeValue(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}
