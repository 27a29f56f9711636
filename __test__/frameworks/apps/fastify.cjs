'use strict'
// `fastify.cjs DIRECTORY`
const fs = require('node:fs')
const path = require('node:path')
const { Readable } = require('node:stream')
const Fastify = require('fastify')

module.exports = (directory) => ({
  explicit: (http) =>
    serve(directory, { serverFactory: (handler, options) => http.createServer(options.http ?? {}, handler) }),
  own: () => serve(directory, {}),
})

async function serve(directory, options) {
  const app = Fastify({ ...options, requestIdHeader: 'x-request-id', bodyLimit: 400_000, exposeHeadRoutes: true })
  routes(app, path.join(directory, 'public/large.txt'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

function routes(app, large) {
  const log = []
  app.addHook('onResponse', async (request, reply) => log.push(`${request.method} ${request.url} ${reply.statusCode}`))
  app.addHook('onSend', async (_request, reply, payload) => {
    reply.header('X-Sent', typeof payload)
    return payload
  })
  app.get('/', async () => 'hello')
  const schema = { response: { 200: { type: 'object', properties: { a: { type: 'integer' } } } } }
  app.get('/json', { schema }, async () => ({ a: 1, left: 'out' }))
  app.get('/about/:what', async (request) => {
    const { params, query, ip, host, protocol, id, headers } = request
    return { params, query, ip, host, protocol, id, agent: headers['user-agent'], complete: request.raw.complete }
  })
  app.post('/echo', async (request) => request.body)
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  app.post('/stream', async (request, reply) => reply.type('application/octet-stream').send(request.body))
  app.get('/file', async (_request, reply) => reply.type('text/plain').send(fs.createReadStream(large)))
  app.get('/generated', async (_request, reply) => reply.send(Readable.from(['a', 'b'])))
  app.get('/web', async () => new Response('web', { status: 203, headers: { 'X-Web': '1' } }))
  app.get('/buffer', async () => Buffer.from([1, 2, 3]))
  app.get('/trailers', async (_request, reply) => {
    reply.trailer('X-Sum', async () => '42')
    return 'with trailers'
  })
  app.get('/hints', (_request, reply) => {
    reply.raw.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => reply.send('hinted'))
  })
  app.get('/raw', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(202, ['X-Raw', '1', 'X-Raw', '2'])
    reply.raw.end('raw')
  })
  app.get('/empty', async (_request, reply) => reply.code(204).send())
  app.get('/redirect', async (_request, reply) => reply.redirect('/', 303))
  app.get('/error', async () => {
    throw Object.assign(new Error('error'), { statusCode: 418 })
  })
  const body = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } }
  app.post('/checked', { schema: { body } }, async (request) => request.body.name)
  app.get('/log', async () => log)
}
