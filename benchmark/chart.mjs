// The chart of requests a second beside node:http. `node benchmark/chart.mjs` draws `docs/speed.svg` from the tables in the README;
// `npm run bench` draws its own results.
import { readFileSync, writeFileSync } from 'node:fs'
import { median } from './http/statistics.mjs'

const README = new URL('../README.md', import.meta.url)
const CHART = new URL('../docs/speed.svg', import.meta.url)

/** Scenarios of the chart, the first cells of their rows in the README, and their labels in the chart. */
const BARS = [
  ['application-64', 'an application: Express 5, EJS, sessions, Redis', 'application: Express, Redis'],
  ['express-64', 'Express 5 hello, 64 connections', 'Express 5 hello'],
  ['fastify-64', 'Fastify 5 hello, 64 connections', 'Fastify 5 hello'],
  ['await-64', 'two promises (`await`)', 'handler that awaits'],
  ['backend-64', 'a service over TCP', 'handler that queries a service'],
  ['gateway-64', 'another HTTP server, piped (gateway)', 'gateway: request and pipe'],
  ['client-64', 'GET, 64 in flight', 'http.get, 64 in flight'],
  ['file-64', '`fs.readFile`', 'handler that reads a file'],
  ['burn-1ms', 'a handler that burns 1 ms', 'handler that computes for 1 ms'],
]

const [WIDTH, ROW, LEFT, RIGHT, TOP] = [760, 30, 230, 60, 54]

/**
 * @param {string} markdown
 * @returns {Record<string, number>} requests a second as a multiple of node:http, by the first cell of the row
 */
export function ratios(markdown) {
  const tables = markdown.slice(markdown.indexOf('<!-- bench:begin -->'), markdown.indexOf('<!-- bench:end -->'))
  const all = {}
  let column = -1
  for (const line of tables.split('\n').filter((text) => text.startsWith('|'))) {
    const cells = line.split('|').map((cell) => cell.trim())
    if (cells.includes('× node')) column = cells.indexOf('× node')
    else if (column !== -1 && !/^-/.test(cells[1])) all[cells[1]] = Number(cells[column])
  }
  return all
}

/**
 * @param {string} markdown
 * @returns {[string, number][]} the argument of `draw`
 * @throws when a row of the chart is missing
 */
export function barsOf(markdown) {
  const found = ratios(markdown)
  return BARS.map(([, row, label]) => {
    if (!(found[row] > 0)) throw new Error(`README.md has no figure for '${row}'`)
    return [label, found[row]]
  })
}

/**
 * @param {import('./http/report.mjs').Result[]} results
 * @returns {[string, number][]} the argument of `draw`, of those scenarios of the chart that were measured
 */
export function ratiosOf(results) {
  const rate = (name, scenario) => {
    const found = results.find((result) => result.scenario.name === scenario && result.implementation.name === name)
    return found === undefined || found.samples.length === 0
      ? Number.NaN
      : median(found.samples.map((sample) => sample.rate))
  }
  return BARS.map(([scenario, , label]) => [label, rate('ferrohttp', scenario) / rate('node', scenario)]).filter(
    ([, ratio]) => ratio > 0,
  )
}

/**
 * @param {[string, number][]} bars labels and ratios
 * @returns {string} the chart as SVG, which has colours of its own for a dark page
 */
export function draw(bars) {
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(1, ...bars.map(([, ratio]) => ratio))
  const length = (ratio) => Number((ratio * scale).toFixed(1))
  const height = TOP + bars.length * ROW + 10
  const node = LEFT + length(1)
  const rows = bars.map(([label, ratio], index) => {
    const y = TOP + index * ROW
    return [
      `<text class="label" x="${LEFT - 12}" y="${y + 15}">${label}</text>`,
      `<rect class="bar" x="${LEFT}" y="${y}" width="${length(ratio)}" height="21" rx="2"/>`,
      `<text x="${LEFT + length(ratio) + 8}" y="${y + 15}">${ratio.toFixed(1)}×</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>Requests a second compared with node:http of Node 24</title>
<style>
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.label { text-anchor: end }
.bar { fill: #c2410c }
line { stroke: #1f2328; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .bar { fill: #f97316 } line { stroke: #f0f6fc } }
</style>
<text x="${LEFT}" y="18">Requests a second compared with node:http of Node 24</text>
<text x="${node + 6}" y="42">node:http</text>
${rows.join('\n')}
<line x1="${node}" y1="28" x2="${node}" y2="${height - 10}"/>
</svg>
`
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) {
  writeFileSync(CHART, draw(barsOf(readFileSync(README, 'utf8'))))
}
