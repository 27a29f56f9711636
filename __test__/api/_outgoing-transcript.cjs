// Runs the same script on a response of node:http and on one of ours, and compares what programs and peers observe.
const http = require('node:http')
const { Writable } = require('node:stream')
const { finished } = require('node:stream/promises')
const test = require('ava')
const ours = require('../../build/response.js')

const REQUEST = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {} }
const HEAD = { ...REQUEST, method: 'HEAD' }
const OLD = { ...REQUEST, httpVersionMinor: 0 }
const OLD_CHUNKED = { ...OLD, headers: { te: 'chunked' } }

const NODE_MAJOR = Number(process.versions.node.split('.')[0])

async function transcript(ServerResponse, request, script) {
  const chunks = []
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      chunks.push(chunk)
      callback()
    },
  })
  const res = new ServerResponse(request)
  res.sendDate = false
  res.assignSocket(sink)
  let wrong = null
  try {
    script(res)
  } catch (error) {
    wrong = error.code ?? error.message
  }
  const state = {
    wrong,
    header: res._header,
    headersSent: res.headersSent,
    finished: res.finished,
    ended: res.writableEnded,
    last: res._last,
    keep: res.shouldKeepAlive,
    chunked: res.chunkedEncoding,
    hasBody: res._hasBody,
    length: res._contentLength,
    statusCode: res.statusCode,
    statusMessage: res.statusMessage,
    headers: Object.entries(res.getHeaders()),
    names: res.getRawHeaderNames(),
  }
  sink.end()
  await finished(sink)
  const wire = Buffer.concat(chunks).toString('latin1')
  const masked = (text) => text?.replace(/Date: [A-Z][a-z]{2}, [^\r]*GMT/, 'Date: …')
  return { ...state, header: masked(state.header), wire: NODE_MAJOR > 24 ? joinChunks(masked(wire)) : masked(wire) }
}

// Node 26 joins the writes of one tick into a chunk, so only the body is compared.
function joinChunks(wire) {
  const bodyAt = wire.indexOf('\r\n\r\n', wire.search(/transfer-encoding: .*chunked/i)) + 4
  if (bodyAt < 4 || !/transfer-encoding: .*chunked/i.test(wire)) return wire
  let body = ''
  let rest = wire.slice(bodyAt)
  for (;;) {
    const size = Number.parseInt(rest, 16)
    if (!(size > 0)) return wire.slice(0, bodyAt) + body + rest
    const from = rest.indexOf('\r\n') + 2
    body += rest.slice(from, from + size)
    rest = rest.slice(from + size + 2)
  }
}

/** Declares a test for each case: its name, request, script, and the first version of Node that does as Node 24 does. */
function compare(cases) {
  for (const [name, request, script, since = 0] of cases) {
    const check = NODE_MAJOR >= since ? test : test.skip
    check(name, async (t) => {
      const theirs = await transcript(http.ServerResponse, request, script)
      t.deepEqual(await transcript(ours.ServerResponse, request, script), theirs)
      t.not(theirs.wire, '')
    })
  }
}

module.exports = { HEAD, OLD, OLD_CHUNKED, REQUEST, compare }
