'use strict'
// Preloaded by `run.mjs --roads` into every process of a test: appends what `stats()` counted when it ends.
const { appendFileSync } = require('node:fs')
const { stats } = require('../..')

process.on('exit', () => {
  const { server, client } = stats()
  const counts = {
    file: process.env.FERROHTTP_TEST_FILE,
    native: server.native + client.native,
    compatible: server.compatible + client.compatible,
  }
  appendFileSync(process.env.FERROHTTP_TEST_ROADS, `${JSON.stringify(counts)}\n`)
})
