// The chart of the README shows the figures of its tables.
import { readFileSync } from 'node:fs'
import test from 'ava'
import { draw, ratios } from '../../benchmark/chart.mjs'

const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

test('docs/speed.svg is what node benchmark/chart.mjs draws of the README', (t) => {
  t.is(read('docs/speed.svg'), draw(read('README.md')))
})

test('the first column of ratios of each table counts', (t) => {
  const table =
    '<!-- bench:begin -->\n| a | 1/s | × node | CPU | × node |\n|---|---:|---:|---:|---:|\n| x | 9 | 2.5 | 1 | 0.1 |\n<!-- bench:end -->'
  t.deepEqual(ratios(table), { x: 2.5 })
})

test('a row that is missing is an error', (t) => {
  t.throws(() => draw('<!-- bench:begin --><!-- bench:end -->'), { message: /no figure for/ })
})
