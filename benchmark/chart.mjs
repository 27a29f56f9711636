// Draws `docs/speed.svg` from the tables in the README: node benchmark/chart.mjs
import { readFileSync, writeFileSync } from 'node:fs'

const README = new URL('../README.md', import.meta.url)
const CHART = new URL('../docs/speed.svg', import.meta.url)

/** Rows of the tables, and what they are in the chart. */
const BARS = {
  'Express 5 hello, 64 connections': 'Express 5',
  'Fastify 5 hello, 64 connections': 'Fastify 5',
  'two promises (`await`)': 'handler that awaits',
  'a service over TCP': 'handler that queries a service',
  'another HTTP server, piped (gateway)': 'gateway: request and pipe',
  'GET, 64 in flight': 'http.get, 64 in flight',
  '`fs.readFile`': 'handler that reads a file',
  'a handler that burns 1 ms': 'handler that computes for 1 ms',
}

const [WIDTH, ROW, LEFT, RIGHT, TOP] = [760, 30, 230, 60, 54]

/** Requests a second as a multiple of node:http, by the first cell of the row. */
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

/** @returns the chart as SVG, which has colours of its own for a dark page */
export function draw(markdown) {
  const found = ratios(markdown)
  const bars = Object.entries(BARS).map(([row, label]) => {
    if (!(found[row] > 0)) throw new Error(`README.md has no figure for '${row}'`)
    return [label, found[row]]
  })
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...bars.map(([, ratio]) => ratio))
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
  writeFileSync(CHART, draw(readFileSync(README, 'utf8')))
}
