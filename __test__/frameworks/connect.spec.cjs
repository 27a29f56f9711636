'use strict'
// Connect: the same bytes as on node:http.
const test = require('ava')
const { answers, sameOnAllRoads } = require('./_roads.cjs')

const same = sameOnAllRoads(test, 'connect', () => ['connect'])

same('middleware', ({ port }) =>
  answers(port, [
    ['GET /under/here?a=1'],
    ['GET /compressed', { 'Accept-Encoding': 'gzip' }],
    ['HEAD /compressed', { 'Accept-Encoding': 'gzip' }],
    ['GET /compressed'],
    ['POST /echo', {}, 'echo'],
    ['POST /echo', { 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n0\r\n\r\n'],
    ['GET /late'],
    ['GET /error'],
    ['GET /thrown'],
    ['POST /none', {}, 'unread'.repeat(100_000)],
    ['HEAD /none'],
  ]),
)
