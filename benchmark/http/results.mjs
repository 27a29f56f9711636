// Results as files: every sample as JSON, and the chart.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { draw, ratiosOf } from '../chart.mjs'
import { SCENARIOS } from './scenarios.mjs'

/** @typedef {import('./report.mjs').Result} Result */

/**
 * @param {string} file
 * @param {Result[]} results
 * @param {object} run further facts: machine, rounds, seconds
 */
export function writeJson(file, results, run) {
  const plain = results.map(({ scenario, implementation: { name, title }, samples }) => ({
    scenario: scenario.name,
    implementation: name,
    title,
    samples,
  }))
  writeFileSync(file, `${JSON.stringify({ ...run, results: plain }, null, 2)}\n`)
}

/**
 * @param {string} file a file of `writeJson`, which need not exist
 * @param {Result[]} results of this run, which replace those of the file
 * @returns {Result[]} in the order of the scenarios
 */
export function withEarlier(file, results) {
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).results : []
  const merged = new Map()
  for (const { scenario, implementation, title, samples } of earlier) {
    const found = SCENARIOS.find(({ name }) => name === scenario)
    const restored = { scenario: found, implementation: { name: implementation, title }, samples }
    if (found !== undefined) merged.set(`${scenario} ${implementation}`, restored)
  }
  for (const result of results) merged.set(`${result.scenario.name} ${result.implementation.name}`, result)
  const place = ({ scenario }) => SCENARIOS.indexOf(scenario)
  return [...merged.values()].toSorted((a, b) => place(a) - place(b))
}

/**
 * @param {string} file
 * @param {Result[]} results
 * @returns {boolean} false where none of the chart's scenarios has been measured with node:http
 */
export function writeChart(file, results) {
  const bars = ratiosOf(results)
  if (bars.length === 0) return false
  writeFileSync(file, draw(bars))
  return true
}
