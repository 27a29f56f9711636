'use strict'
// A program written for node:http finds the same with the register module in front as without it.
const test = require('ava')
const http = require('node:http')
const path = require('node:path')
const ferrohttp = require('../../dist/index.js')
const { comparable, runProgram } = require('./_program.cjs')
const { hasNginx, serveWith, serveWithNginx } = require('./_sites.cjs')

const CRAWLER = path.join(__dirname, '_crawler.cjs')

const SITES = {
  ferrohttp: (t) => serveWith(t, ferrohttp),
  'node:http': (t) => serveWith(t, http),
  nginx: serveWithNginx,
}

for (const [name, serve] of Object.entries(SITES)) {
  const declare = name === 'nginx' && !hasNginx() ? test.skip : test.serial
  declare(`a crawl of a site on ${name}`, async (t) => {
    const port = await serve(t)
    const runs = [false, true].map((preload) => runProgram(CRAWLER, [String(port)], { preload }))
    const [plain, ours] = await Promise.all(runs)
    t.deepEqual(comparable(ours, port), comparable(plain, port))
    t.true(plain.lines.length > 30)
    t.is(plain.stats, null)
    t.true(ours.stats.native > 0)
    t.is(ours.stats.compatible, 0)
  })
}
