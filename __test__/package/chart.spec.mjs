// The chart of the README shows the figures of its tables.
import { readFileSync } from 'node:fs'
import test from 'ava'
import { barsOf, draw, ratios, ratiosOf } from '../../benchmark/chart.mjs'

const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

test('docs/speed.svg is the chart that node benchmark/chart.mjs draws from the README', (t) => {
  t.is(read('docs/speed.svg'), draw(barsOf(read('README.md'))))
})

test('the first column of ratios of each table counts', (t) => {
  const table =
    '<!-- bench:begin -->\n| a | 1/s | × node | CPU | × node |\n|---|---:|---:|---:|---:|\n| x | 9 | 2.5 | 1 | 0.1 |\n<!-- bench:end -->'
  t.deepEqual(ratios(table), { x: 2.5 })
})

test('a row that is missing is an error', (t) => {
  t.throws(() => barsOf('<!-- bench:begin --><!-- bench:end -->'), { message: /no figure for/ })
})

test('a chart of results has the scenarios that were measured with both', (t) => {
  const result = (scenario, name, rates) => ({
    scenario: { name: scenario },
    implementation: { name },
    samples: rates.map((rate) => ({ rate })),
  })
  const results = [
    result('await-64', 'ferrohttp', [10, 30, 20]),
    result('await-64', 'node', [10]),
    result('file-64', 'ferrohttp', [10]),
  ]
  t.deepEqual(ratiosOf(results), [['handler that awaits', 2]])
})
