'use strict'
// For what the versions of Node do differently: ferrohttp follows Node 24, so it is compared there and nowhere else.
// `npm test` has these run on Node 24, whatever runs the rest.
const test = require('ava')
const { MAJOR } = require('../helpers/nodes.cjs')

const skip = (...args) => test.skip(...args)
skip.serial = test.serial.skip

module.exports = MAJOR === 24 ? test : skip
