'use strict'
// Other Node.js binaries. FERROHTTP_NODE20, FERROHTTP_NODE22, FERROHTTP_NODE24 … name them; none is needed.

const MAJOR = Number(process.versions.node.split('.')[0])

/** Path of a Node.js of that major version: this one, the one the environment names, or null. */
function node(major) {
  if (major === MAJOR) return process.execPath
  return process.env[`FERROHTTP_NODE${major}`] || null
}

module.exports = { MAJOR, node }
