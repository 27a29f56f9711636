'use strict'
// `koa.cjs DIRECTORY`
const fs = require('node:fs')
const path = require('node:path')
const { Readable } = require('node:stream')
const Koa = require('koa')
const { listening } = require('./_listening.cjs')

module.exports = (directory) => {
  const app = build(path.join(directory, 'public/large.txt'))
  return {
    explicit: (http) => listening(http.createServer(app.callback()).listen(0)),
    own: () => listening(app.listen(0)),
  }
}

function build(large) {
  const app = new Koa({ keys: ['key'] })
  const errors = []
  app.on('error', (error) => errors.push(error.message))
  app.use(async (ctx, next) => {
    await next()
    ctx.set('X-Passed', ctx.path)
  })
  const routes = {
    '/': (ctx) => (ctx.body = 'hello'),
    '/json': (ctx) => (ctx.body = { ip: ctx.ip, host: ctx.host, query: { ...ctx.query }, type: ctx.is('json') }),
    '/buffer': (ctx) => (ctx.body = Buffer.from([1, 2, 3])),
    '/file': (ctx) => {
      ctx.type = 'txt'
      ctx.body = fs.createReadStream(large)
    },
    '/generated': (ctx) => (ctx.body = Readable.from(['a', 'b'])),
    '/blob': (ctx) => (ctx.body = new Blob(['blob'])),
    '/empty': (ctx) => (ctx.body = null),
    '/no-content': (ctx) => (ctx.status = 204),
    '/cookies': (ctx) => {
      ctx.cookies.set('signed', 'a', { signed: true })
      ctx.body = ctx.cookies.get('signed', { signed: true }) ?? 'none'
    },
    '/fresh': (ctx) => {
      ctx.etag = 'tag'
      ctx.status = 200
      ctx.body = 'content'
      if (ctx.fresh) ctx.status = 304
    },
    '/redirect': (ctx) => ctx.redirect('/é'),
    '/throw': (ctx) => ctx.throw(418, 'tea'),
    '/crash': () => {
      throw new Error('crash')
    },
    '/stream-error': (ctx) => {
      ctx.body = new Readable({
        read() {
          this.destroy(new Error('stream'))
        },
      })
    },
    '/echo': async (ctx) => {
      const chunks = []
      for await (const chunk of ctx.req) chunks.push(chunk)
      ctx.body = Buffer.concat(chunks).toString()
    },
    '/bypass': (ctx) => {
      ctx.respond = false
      ctx.res.writeHead(202, { 'X-Own': '1' })
      ctx.res.end('own')
    },
    '/state': (ctx) => (ctx.body = [ctx.headerSent, ctx.writable, ctx.res.headersSent, ctx.socket === ctx.req.socket]),
    '/errors': (ctx) => (ctx.body = errors),
  }
  app.use((ctx) => routes[ctx.path]?.(ctx))
  return app
}
