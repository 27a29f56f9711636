'use strict'
// Every process that uses ferrohttp loads the addon, and every installation downloads it.
const { readdirSync, statSync } = require('node:fs')
const path = require('node:path')
const test = require('ava')

const LIMIT = 5_000_000
const FOLDER = path.join(__dirname, '../../js/native')

/** Addons of Linux on x64 as `npm run build:native` makes them, without symbols. Those of other processors have other sizes. */
const addons = readdirSync(FOLDER).filter((name) => /linux-x64-\w+\.node$/.test(name))

const whereThereIsOne = addons.length === 0 ? test.skip : test

whereThereIsOne('the addon has at most 5 MB', (t) => {
  for (const name of addons) {
    const { size } = statSync(path.join(FOLDER, name))
    t.true(size <= LIMIT, `${name} has ${size} bytes, ${size - LIMIT} too many`)
  }
})
