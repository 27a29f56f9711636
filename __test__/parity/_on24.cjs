'use strict'
// For behaviour that differs between versions of Node: ferrohttp follows Node 24, so it is compared with that only.
// `npm test` runs these tests on Node 24, whichever version runs the others.
const test = require('ava')
const { MAJOR } = require('../helpers/nodes.cjs')

const skip = (...args) => test.skip(...args)
skip.serial = test.serial.skip

module.exports = MAJOR === 24 ? test : skip
