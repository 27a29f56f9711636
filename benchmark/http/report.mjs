// Samples to Markdown: medians, their spread, and ratios to node:http.
import { cpus, release, totalmem } from 'node:os'
import { median } from './statistics.mjs'

/** Everybody is compared with this one. */
const BASE = 'node'

/**
 * @typedef {{ scenario: import('./scenarios.mjs').Scenario, implementation: import('./implementations.mjs').Implementation,
 *   samples: object[] }} Result
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

/**
 * @param {Result[]} results
 * @param {{ rounds: number, seconds: number, pinned: boolean, server: import('./implementations.mjs').Implementation | null }} run
 *   `server`: who answered the clients
 * @returns {string} Markdown
 */
export function report(results, { rounds, seconds, pinned, server }) {
  const { cpu, cores, memoryBytes, kernel } = machine()
  const of = (kind) => results.filter(({ scenario, samples }) => scenario.kind === kind && samples.length > 0)
  const lines = [
    `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}. ` +
      `Medians of ${rounds} interleaved round${rounds === 1 ? '' : 's'} of ${seconds} s; ` +
      (pinned
        ? 'what is measured pinned to core 0, its load or server to core 1.'
        : '**nothing pinned: compare with care.**'),
    '',
    ...loadTable('servers', of('load')),
    ...idleTable(of('idle')),
    ...loadTable(`clients of ${server?.title}`, of('client')),
  ]
  return lines.join('\n')
}

function loadTable(heading, results) {
  if (results.length === 0) return []
  const lines = [
    `| ${heading} | requests/s | × node | ± | CPU µs/req | × node | JS µs/req | × node | p50 | × node | p99 | × node | RSS MiB | core busy |`,
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
  ]
  for (const [scenario, group] of byScenario(results)) {
    lines.push(`| **${scenario.title}** |${' |'.repeat(13)}`)
    const base = group.find(({ implementation }) => implementation.name === BASE)
    for (const result of group) lines.push(loadRow(result, base))
  }
  return [...lines, '']
}

function loadRow(result, base) {
  const of = (key) => middle(result, key)
  const ratio = (key) => against(result, base, key)
  const cells = [
    result.implementation.title,
    Math.round(of('rate')).toLocaleString('en'),
    ratio('rate'),
    spread(result.samples.map(({ rate }) => rate)),
    of('cpu').toFixed(1),
    ratio('cpu'),
    of('jsCpu')?.toFixed(1) ?? '–',
    ratio('jsCpu'),
    duration(of('p50')),
    ratio('p50'),
    duration(of('p99')),
    ratio('p99'),
    (of('rss') / 2 ** 20).toFixed(0),
    `${(of('busy') * 100).toFixed(0)} %`,
  ]
  return `| ${cells.join(' | ')} |`
}

function idleTable(results) {
  if (results.length === 0) return []
  const lines = ['| memory | bytes each | × node | connections | RSS MiB with all |', '|---|---:|---:|---:|---:|']
  for (const [scenario, group] of byScenario(results)) {
    lines.push(`| **${scenario.title}** |${' |'.repeat(4)}`)
    const base = group.find(({ implementation }) => implementation.name === BASE)
    for (const result of group) {
      lines.push(
        `| ${result.implementation.title} | ${Math.round(middle(result, 'bytes')).toLocaleString('en')} | ` +
          `${against(result, base, 'bytes')} | ${scenario.connections.toLocaleString('en')} | ${(middle(result, 'rss') / 2 ** 20).toFixed(0)} |`,
      )
    }
  }
  return [...lines, '']
}

function byScenario(results) {
  const groups = new Map()
  for (const result of results) groups.set(result.scenario, [...(groups.get(result.scenario) ?? []), result])
  return groups
}

/** The median of one figure; null where the implementation has no such figure. */
function middle({ samples }, key) {
  return samples[0][key] === null ? null : median(samples.map((sample) => sample[key]))
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
