'use strict'
// Express 4 and 5 with the middleware that most of their applications use: the same bytes as on node:http.
const test = require('ava')
const { RawClient } = require('../helpers/raw-client.cjs')
const { answer, answers, comparable, request, sameOnAllRoads } = require('./_roads.cjs')
const { TIME } = require('./_site.cjs')

const GZIP = { 'Accept-Encoding': 'gzip' }
const JSON_TYPE = { 'Content-Type': 'application/json' }
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

for (const edition of ['express', 'express4']) {
  const same = sameOnAllRoads(test, edition, (directory) => ['express', edition, directory])

  same('bodies', ({ port }) =>
    answers(port, [
      ['GET /'],
      ['HEAD /'],
      ['OPTIONS /'],
      ['GET /', { 'If-None-Match': 'W/"5-qvTGHdzF6KLavt4PO0gs2a6pQ00"' }],
      [
        'GET /about/me?x=1&y=a%20b',
        {
          'X-Forwarded-For': '10.0.0.1, 10.0.0.2',
          'X-Forwarded-Proto': 'https',
          'X-Requested-With': 'XMLHttpRequest',
          Accept: 'text/html',
        },
      ],
      ['POST /json', JSON_TYPE, '{"a":[1,2,{"b":null}]}'],
      ['POST /json', JSON_TYPE, '{"a":'],
      ['POST /json', JSON_TYPE, JSON.stringify('x'.repeat(3000))],
      ['POST /json', { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' }, '5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'],
      ['POST /json', { ...JSON_TYPE, Expect: '100-continue' }, '{}'],
      ['POST /form', FORM, 'a[b]=1&a[c]=2&d=%C3%A9'],
      ['POST /text', { 'Content-Type': 'text/plain; charset=latin1' }, 'caf\xe9'],
      ['PUT /raw', {}, 'z'.repeat(300_000)],
      ['GET /buffer'],
      ['GET /format', { Accept: 'text/html' }],
      ['GET /format', { Accept: 'image/png' }],
      ['GET /status/204'],
      ['GET /status/304'],
      ['GET /status/404'],
      ['GET /fields'],
      ['DELETE /'],
    ]),
  )

  same('cookies and sessions', async ({ port }) => {
    const first = await answer(port, 'GET /session')
    const cookie = { Cookie: /^set-cookie: ([^;]+)/im.exec(first)[1] }
    const signed = await answer(port, 'GET /cookies')
    const jar = [...signed.matchAll(/^set-cookie: ([^;]+)/gim)].map(([, pair]) => pair).join('; ')
    return [
      first,
      signed,
      ...(await answers(port, [
        ['GET /session', cookie],
        ['GET /session/piece-by-piece', cookie],
        ['GET /session', cookie],
        ['GET /session/end', cookie],
        ['GET /session', cookie],
        ['GET /cookies', { Cookie: jar }],
      ])),
    ]
  })

  same('compression', ({ port }) =>
    answers(port, [
      ['GET /compressed/json', GZIP],
      ['GET /compressed/json', { 'Accept-Encoding': 'br' }],
      ['GET /compressed/json', { 'Accept-Encoding': 'deflate' }],
      ['GET /compressed/json'],
      ['HEAD /compressed/json', GZIP],
      ['GET /compressed/small', GZIP],
      ['GET /compressed/file', GZIP],
      ['GET /compressed/flushed', GZIP],
      ['GET /compressed/no-transform', GZIP],
    ]),
  )

  same('static files, ranges and conditions', async ({ port }) => {
    const etag = /^etag: (.+)\r$/im.exec(await answer(port, 'HEAD /files/large.txt'))[1]
    const since = { 'If-Modified-Since': TIME.toUTCString() }
    return answers(port, [
      ['GET /files/'],
      ['GET /files/large.txt'],
      ['HEAD /files/large.txt'],
      ['GET /files/empty.css'],
      ['GET /files/folder'],
      ['GET /files/.hidden'],
      ['GET /files/none'],
      ['GET /files/../secret'],
      ['GET /files/%ff'],
      ['POST /files/large.txt'],
      ['GET /files/large.txt', { Range: 'bytes=0-9' }],
      ['GET /files/large.txt', { Range: 'bytes=-10' }],
      ['GET /files/large.txt', { Range: 'bytes=100-' }],
      ['GET /files/large.txt', { Range: 'bytes=0-1,5-6' }],
      ['GET /files/large.txt', { Range: 'bytes=99999999-' }],
      ['GET /files/large.txt', { Range: 'bytes=0-9', 'If-Range': etag }],
      ['GET /files/large.txt', { Range: 'bytes=0-9', 'If-Range': '"other"' }],
      ['GET /files/large.txt', since],
      ['GET /files/large.txt', { 'If-None-Match': etag }],
      ['HEAD /files/large.txt', { 'If-None-Match': `"a", ${etag}` }],
      ['GET /files/large.txt', { 'If-Match': '"other"' }],
      ['GET /files/large.txt', { 'If-Unmodified-Since': new Date(0).toUTCString() }],
    ])
  })

  same('uploads', ({ port }) =>
    answers(port, [
      [
        'POST /upload',
        ...form(
          { note: 'a note' },
          ['one.txt', 'text/plain', 'small'],
          ['two.bin', 'application/octet-stream', '\x00\xff'.repeat(20_000)],
        ),
      ],
      ['POST /upload', ...form({}, ['large.bin', 'application/octet-stream', 'x'.repeat(200_000)])],
      ['POST /upload', ...form({}, ...['1', '2', '3', '4'].map((name) => [name, 'text/plain', name]))],
      ['POST /upload/disk', ...form({}, ['disk.bin', 'application/octet-stream', '0123456789'.repeat(100_000)])],
      ['POST /upload', { 'Content-Type': 'multipart/form-data' }, 'no boundary'],
    ]),
  )

  same('redirects and error pages', ({ port }) =>
    answers(port, [
      ['GET /redirect'],
      ['GET /redirect', { Accept: 'text/html' }],
      ['HEAD /redirect', { Accept: 'text/html' }],
      ['GET /redirect/moved', { Accept: 'text/html' }],
      ['POST /redirect/see-other', {}, ''],
      ['GET /none'],
      ['POST /none', {}, 'unread'.repeat(50_000)],
      ['GET /errors/thrown'],
      ['GET /errors/next'],
      ['GET /errors/rejected'],
      ['GET /errors/page'],
      ['GET /errors/half-way'],
      ['GET /mounted/shout'],
      ['GET /mounted/passed-on'],
    ]),
  )

  same('streams', ({ port }) =>
    answers(port, [
      ['GET /stream/file'],
      ['HEAD /stream/file'],
      ['GET /stream/gzip'],
      ['GET /stream/generated'],
      ['POST /stream/echo', {}, 'echoed'],
      ['POST /stream/count', { 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'],
      ['POST /stream/count', {}, 'y'.repeat(1_000_000)],
      ['GET /stream/trailers'],
      ['GET /stream/download'],
      ['GET /stream/sent'],
      ['GET /stream/sent', { Range: 'bytes=3-5' }],
      ['GET /stream/missing'],
      ['GET /stream/hints'],
    ]),
  )

  same('what middleware does to responses', async ({ port }) => {
    const seen = await answers(port, [
      ['GET /internals/implicit'],
      ['GET /internals/patched'],
      ['GET /internals/patched/head'],
      ['GET /internals/finished'],
      ['GET /internals/finished/reported'],
      ['HEAD /internals/patched'],
    ])
    return [...seen, await answer(port, 'GET /log')]
  })

  same('consecutive requests on one connection', async ({ port }) => {
    const client = await RawClient.connect(port)
    for (const [line, headers, body] of [
      ['GET /'],
      ['POST /json', JSON_TYPE, '{"a":1}'],
      ['GET /files/large.txt', { Range: 'bytes=0-9' }],
      ['POST /none', {}, 'unread'],
      ['GET /stream/generated'],
      ['GET /errors/thrown'],
    ]) {
      await client.write(request(line, headers, body))
      await client.readResponse()
    }
    await client.write(request('HEAD /'))
    await client.readResponse({ bodyless: true })
    const last = request('GET /', { Connection: 'close' })
    await client.write(request('GET /') + request('POST /json', JSON_TYPE, '[]') + request('GET /stream/file') + last)
    await client.closed
    return [comparable(client.received), await answer(port, 'GET /log')]
  })

  same('HTTP/1.0', async ({ port }) => {
    const seen = []
    for (const [path, fields] of [
      ['/', ''],
      ['/stream/generated', ''],
      ['/', 'Connection: keep-alive\r\n'],
    ]) {
      const client = await RawClient.connect(port)
      await client.write(`GET ${path} HTTP/1.0\r\nHost: a\r\n${fields}\r\n`)
      await client.readResponse()
      client.end()
      await client.closed
      seen.push(comparable(client.received))
    }
    return seen
  })
}

/** A multipart body (RFC 7578) and its headers. */
function form(fields, ...files) {
  const boundary = 'the-boundary'
  const part = (disposition, type, content) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type}\r\n${content}\r\n`
  const body = [
    ...Object.entries(fields).map(([name, value]) => part(`name="${name}"`, '', value)),
    ...files.map(([name, type, content]) =>
      part(`name="file"; filename="${name}"`, `Content-Type: ${type}\r\n`, content),
    ),
    `--${boundary}--\r\n`,
  ].join('')
  return [{ 'Content-Type': `multipart/form-data; boundary=${boundary}` }, body]
}
