'use strict'
// Error pages without stacks; read when connect is loaded.
process.env.NODE_ENV = 'production'
const connect = require('connect')
const compression = require('compression')
const { listening } = require('./_listening.cjs')

module.exports = () => {
  const app = build()
  return {
    explicit: (http) => listening(http.createServer(app).listen(0)),
    own: () => listening(app.listen(0)),
  }
}

function build() {
  const app = connect()
  app.use('/compressed', compression({ threshold: 0 }))
  app.use('/compressed', (_req, res) => {
    res.setHeader('Content-Type', 'text/plain')
    res.end('compressed '.repeat(1000))
  })
  app.use('/under', (req, res) => res.end(`${req.url} of ${req.originalUrl}`))
  app.use('/error', (_req, _res, next) => next(Object.assign(new Error('error'), { statusCode: 503 })))
  app.use('/thrown', () => {
    throw new Error('thrown')
  })
  app.use('/echo', (req, res) => req.pipe(res))
  app.use('/late', (_req, res) => setImmediate(() => res.writeHead(201, 'Late').end('late')))
  return app
}
