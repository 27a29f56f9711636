// Samples to Markdown: medians, their spread, and ratios to node:http.
import { cpus, release, totalmem } from 'node:os'
import { median } from './statistics.mjs'

/** The implementation with which all others are compared. */
const BASE = 'node'

/**
 * @typedef {{ scenario: import('./scenarios.mjs').Scenario, implementation: import('./implementations.mjs').Implementation,
 *   samples: object[] }} Result of an implementation in a scenario
 */

/** @returns {{ cpu: string, cores: number, memoryBytes: number, kernel: string }} */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release().match(/^\d+\.\d+/)?.[0] ?? release(),
  }
}

/** The columns of a row. Ratios are to node:http. */
const COLUMNS = [
  ...['requests/s', '× node', '±', 'CPU µs/req', '× node', 'JS µs/req', '× node'],
  ...['p50', '× node', 'p99', '× node', 'RSS MiB', 'core busy', 'other'],
]

/**
 * @param {Result[]} results
 * @param {{ rounds: number, seconds: number, pinned: boolean, server: import('./implementations.mjs').Implementation | null }} run
 *   `server`: the server that answered the clients
 * @returns {string} Markdown, one table
 */
export function report(results, { rounds, seconds, pinned, server }) {
  const { cpu, cores, memoryBytes, kernel } = machine()
  const lines = [
    `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}. ` +
      `Medians of ${rounds} interleaved round${rounds === 1 ? '' : 's'} of ${seconds} s; ` +
      (pinned
        ? 'what is measured pinned to core 0, its load or server to core 1.'
        : '**nothing pinned: compare with care.**') +
      (server === null ? '' : ` Clients and gateways ask ${server.title}.`),
    '',
    `| | ${COLUMNS.join(' | ')} |`,
    `|---|${'---:|'.repeat(COLUMNS.length)}`,
  ]
  for (const [scenario, group] of byScenario(results.filter(({ samples }) => samples.length > 0))) {
    const title = scenario.kind === 'client' ? `client: ${scenario.title}` : scenario.title
    lines.push(`| **${title}** |${' |'.repeat(COLUMNS.length)}`)
    const base = group.find(({ implementation }) => implementation.name === BASE)
    for (const result of group) lines.push(row(result, base))
  }
  return [...lines, ''].join('\n')
}

function row(result, base) {
  const of = (key) => middle(result, key)
  const ratio = (key) => against(result, base, key)
  const shown = (key, format) => (of(key) === null ? '–' : format(of(key)))
  const cells = [
    result.implementation.title,
    shown('rate', (value) => Math.round(value).toLocaleString('en')),
    ratio('rate'),
    of('rate') === null ? '–' : spread(result.samples.map(({ rate }) => rate)),
    shown('cpu', (value) => value.toFixed(1)),
    ratio('cpu'),
    shown('jsCpu', (value) => value.toFixed(1)),
    ratio('jsCpu'),
    duration(of('p50')),
    ratio('p50'),
    duration(of('p99')),
    ratio('p99'),
    (of('rss') / 2 ** 20).toFixed(0),
    shown('busy', (value) => `${(value * 100).toFixed(0)} %`),
    other(result, base),
  ]
  return `| ${cells.join(' | ')} |`
}

/** The row of a scenario that does not measure requests. */
function other(result, base) {
  const of = (key) => middle(result, key)
  if (result.scenario.kind === 'idle') {
    const bytes = Math.round(of('bytes')).toLocaleString('en')
    return `${bytes} bytes a connection, ${against(result, base, 'bytes')} × node`
  }
  if (result.scenario.kind === 'start') {
    const time = `${of('milliseconds').toFixed(1)} ms`
    if (base === undefined || base === result) return time
    const more = (key) => of(key) - middle(base, key)
    return `${time}, ${signed(more('milliseconds'))} ms and ${signed(more('rss') / 2 ** 20)} MiB over node`
  }
  return ''
}

const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`

function byScenario(results) {
  const groups = new Map()
  for (const result of results) groups.set(result.scenario, [...(groups.get(result.scenario) ?? []), result])
  return groups
}

/** The median of one figure; null where the implementation or the scenario has no such figure. */
function middle({ samples }, key) {
  return typeof samples[0][key] === 'number' ? median(samples.map((sample) => sample[key])) : null
}

function against(result, base, key) {
  if (!base) return '–'
  const [value, reference] = [middle(result, key), middle(base, key)]
  return value === null || !reference ? '–' : (value / reference).toFixed(2)
}

/** Half the distance between the best and the worst round, in percent of the median. */
function spread(values) {
  return `${(((Math.max(...values) - Math.min(...values)) / 2 / median(values)) * 100).toFixed(0)} %`
}

function duration(microseconds) {
  if (microseconds === null) return '–'
  return microseconds < 1000
    ? `${microseconds.toFixed(0)} µs`
    : `${(microseconds / 1000).toFixed(microseconds < 10_000 ? 2 : 0)} ms`
}
