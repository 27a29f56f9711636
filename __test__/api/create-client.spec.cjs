'use strict'
// http.createClient of Node 0.10.
const test = require('ava')
const { once } = require('node:events')
const { createClient, createServer } = require('ferrohttp')

test('a client sends one request after another', async (t) => {
  const server = createServer((req, res) => res.end(`${req.method} ${req.url} ${req.headers['x-a']}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const client = createClient(server.address().port, '127.0.0.1')
  const texts = await Promise.all(
    [
      ['POST', '/a', { 'X-A': 'b' }],
      ['/c', { 'X-A': 'd' }],
    ].map(async (args) => {
      const request = client.request(...args)
      request.end()
      const [response] = await once(request, 'response')
      let text = ''
      for await (const data of response.setEncoding('utf8')) text += data
      return text
    }),
  )
  t.deepEqual(texts, ['POST /a b', 'GET /c d'])
})

test("a request's error is the client's", async (t) => {
  const client = createClient(1, '127.0.0.1')
  client.request('GET', '/').end()
  const [error] = await once(client, 'error')
  t.is(error.code, 'ECONNREFUSED')
})
