'use strict'
// Fastify: the same bytes as on node:http; by name through its `serverFactory` option.
const test = require('ava')
const { RawClient } = require('../helpers/raw-client.cjs')
const { answer, answers, comparable, request, sameOnAllRoads } = require('./_roads.cjs')

const JSON_TYPE = { 'Content-Type': 'application/json' }
const BYTES = { 'Content-Type': 'application/octet-stream' }

const same = sameOnAllRoads(test, 'fastify', (directory) => ['fastify', directory])

same('bodies', ({ port }) =>
  answers(port, [
    ['GET /'],
    ['HEAD /'],
    ['GET /json'],
    ['HEAD /json'],
    ['GET /about/me?a=1&b=%20', { 'X-Request-Id': 'mine', 'User-Agent': 'test' }],
    ['POST /echo', JSON_TYPE, '{"a":[1,2,{"b":null}]}'],
    ['POST /echo', { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' }, '5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'],
    ['POST /stream', BYTES, 'streamed'],
    ['GET /file'],
    ['HEAD /file'],
    ['GET /generated'],
    ['GET /web'],
    ['GET /buffer'],
    ['GET /trailers', { TE: 'trailers' }],
    ['GET /hints'],
    ['GET /raw'],
    ['GET /empty'],
    ['GET /redirect'],
  ]),
)

same('errors', async ({ port }) => [
  ...(await answers(port, [
    ['GET /error'],
    ['GET /none'],
    ['DELETE /'],
    ['POST /echo', JSON_TYPE, '{"a":'],
    ['POST /echo', { 'Content-Type': 'text/unknown' }, 'x'],
    ['POST /echo', JSON_TYPE, JSON.stringify('x'.repeat(500_000))],
    ['POST /checked', JSON_TYPE, '{"name":"a"}'],
    ['POST /checked', JSON_TYPE, '{}'],
    ['GET /%ff'],
  ])),
  await answer(port, 'GET /log'),
])

same('what its clientError listener answers', async ({ port }) => {
  const seen = []
  for (const bytes of [
    'GET / HTTP/1.1\r\nBroken\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  ]) {
    const client = await RawClient.connect(port)
    await client.write(bytes)
    await client.closed
    seen.push(client.received)
  }
  return seen
})

same('consecutive requests on one connection', async ({ port }) => {
  const client = await RawClient.connect(port)
  await client.write(request('GET /') + request('POST /echo', JSON_TYPE, '[1]') + request('GET /file'))
  for (let i = 0; i < 3; i++) await client.readResponse()
  await client.write(request('GET /json', { Connection: 'close' }))
  await client.closed
  return comparable(client.received)
})
