'use strict'
// Koa: the same bytes as on node:http.
const test = require('ava')
const { answers, sameOnAllRoads } = require('./_roads.cjs')

const same = sameOnAllRoads(test, 'koa', (directory) => ['koa', directory])

same('bodies of every kind', ({ port }) =>
  answers(port, [
    ['GET /'],
    ['HEAD /'],
    ['GET /json?a=1&a=2', { 'Content-Type': 'application/json' }],
    ['GET /buffer'],
    ['GET /file'],
    ['HEAD /file'],
    ['GET /generated'],
    ['GET /blob'],
    ['GET /empty'],
    ['GET /no-content'],
    ['POST /echo', {}, 'echoed'.repeat(50_000)],
    ['POST /echo', { 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n0\r\n\r\n'],
    ['GET /bypass'],
    ['GET /state'],
  ]),
)

same('cookies, conditions, redirects and errors', ({ port }) =>
  answers(port, [
    ['GET /cookies'],
    ['GET /cookies', { Cookie: 'signed=a; signed.sig=0000' }],
    ['GET /fresh'],
    ['GET /fresh', { 'If-None-Match': '"tag"' }],
    ['GET /redirect'],
    ['GET /none'],
    ['GET /throw'],
    ['GET /crash'],
    ['GET /stream-error'],
    ['GET /errors'],
  ]),
)
