'use strict'
// An application with the usual parts of Express applications: `express.cjs (express | express4) DIRECTORY`.
const fs = require('node:fs')
const path = require('node:path')
const { createGzip } = require('node:zlib')
const { pipeline, Readable } = require('node:stream')
const compression = require('compression')
const cookieParser = require('cookie-parser')
const morgan = require('morgan')
const multer = require('multer')
const onFinished = require('on-finished')
const session = require('express-session')
const { listening } = require('./_listening.cjs')

module.exports = (edition, directory) => {
  const express = require(edition)
  const app = build(express, directory)
  return {
    explicit: (http) => listening(http.createServer(app).listen(0)),
    own: () => listening(app.listen(0)),
  }
}

function build(express, directory) {
  const app = express()
  // Error pages without stacks, which have paths and line numbers.
  app.set('env', 'production')
  app.set('trust proxy', 'loopback')

  const log = []
  app.use(
    morgan(':method :url HTTP/:http-version :status :res[content-length] :remote-addr', {
      stream: { write: (line) => log.push(line) },
    }),
  )
  app.get('/log', (_req, res) => res.json(log))

  app.use('/files', express.static(path.join(directory, 'public'), { maxAge: '1d', setHeaders: tag }))
  bodies(app, express)
  visitors(app)
  compressed(app.use('/compressed', compression()), directory)
  uploads(app, directory)
  redirects(app)
  streams(app, directory)
  internals(app)
  app.use('/mounted', mounted(express))
  errors(app)
  return app
}

function tag(res, file) {
  res.setHeader('X-File', path.basename(file))
}

function bodies(app, express) {
  app.get('/', (_req, res) => res.send('hello'))
  app.get('/about/:what', (req, res) =>
    res.json({
      what: req.params.what,
      query: { ...req.query },
      ip: req.ip,
      ips: req.ips,
      protocol: req.protocol,
      hostname: req.hostname,
      path: req.path,
      original: req.originalUrl,
      xhr: req.xhr,
      fresh: req.fresh,
      accepts: req.accepts(['json', 'html']),
      secure: req.secure,
      type: req.get('content-type'),
      family: req.socket.remoteFamily,
      raw: req.rawHeaders,
    }),
  )
  app.post('/json', express.json({ limit: '2kb' }), (req, res) => res.json({ got: req.body }))
  app.post('/form', express.urlencoded({ extended: true }), (req, res) => res.json(req.body))
  app.post('/text', express.text({ type: '*/*' }), (req, res) => res.type('text').send(req.body))
  app.put('/raw', express.raw({ type: () => true, limit: '4mb' }), (req, res) => res.send(req.body))
  app.get('/buffer', (_req, res) => res.send(Buffer.from([0, 1, 2, 255])))
  app.get('/format', (_req, res) => res.format({ json: () => res.json({ a: 1 }), html: () => res.send('<b>1</b>') }))
  app.get('/status/:code', (req, res) => res.sendStatus(Number(req.params.code)))
  app.get('/fields', (_req, res) => {
    res.links({ next: '/2' }).location('/é').vary('Origin').append('X-Many', ['1', '2']).type('html')
    res.status(203).set('X-Latin', 'caf\u00e9').end('<p>')
  })
}

function visitors(app) {
  app.get('/cookies', cookieParser('secret'), (req, res) => {
    res
      .cookie('plain', 'a b', { httpOnly: true, path: '/' })
      .cookie('signed', { a: 1 }, { signed: true })
      .clearCookie('old', { expires: new Date(1) })
    res.json({ cookies: req.cookies, signed: req.signedCookies })
  })
  let sessions = 0
  app.use(
    '/session',
    session({ secret: 'secret', resave: false, saveUninitialized: true, genid: () => `session-${++sessions}` }),
  )
  app.get('/session', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.json({ views: req.session.views, id: req.sessionID })
  })
  app.get('/session/piece-by-piece', (req, res) => {
    req.session.pieces = true
    res.write('one ')
    res.end('two')
  })
  app.get('/session/end', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.send('bye'))))
}

function compressed(app, directory) {
  const rows = Array.from({ length: 2000 }, (_, id) => ({ id, name: `row ${id * 7919}` }))
  app.get('/compressed/json', (_req, res) => res.json(rows))
  app.get('/compressed/small', (_req, res) => res.json({ small: true }))
  app.get('/compressed/file', (_req, res) => res.sendFile(path.join(directory, 'public/large.txt')))
  app.get('/compressed/flushed', (_req, res) => {
    res.type('text')
    res.write('first '.repeat(400))
    res.flush()
    setImmediate(() => res.end('last'))
  })
  app.get('/compressed/no-transform', (_req, res) => res.set('Cache-Control', 'no-transform').json(rows.slice(0, 100)))
}

function uploads(app, directory) {
  const described = ({ fieldname, originalname, mimetype, size, buffer }) => ({
    fieldname,
    originalname,
    mimetype,
    size,
    start: buffer?.subarray(0, 8).toString('hex'),
  })
  const inMemory = multer({ limits: { fileSize: 64 * 1024 } })
  app.post('/upload', inMemory.array('file', 3), (req, res) =>
    res.json({ fields: { ...req.body }, files: req.files.map(described) }),
  )
  const onDisk = multer({ dest: path.join(directory, 'uploads') })
  app.post('/upload/disk', onDisk.single('file'), (req, res, next) => {
    fs.readFile(req.file.path, (error, content) => (error ? next(error) : res.send(content)))
  })
}

function redirects(app) {
  app.get('/redirect', (_req, res) => res.redirect('/'))
  app.get('/redirect/moved', (_req, res) => res.redirect(301, 'http://b.test/é?q=1'))
  app.post('/redirect/see-other', (_req, res) => res.redirect(303, '..'))
}

function streams(app, directory) {
  const large = path.join(directory, 'public/large.txt')
  const fail = (error) => error && app.emit('broken', error)
  app.get('/stream/file', (_req, res) => pipeline(fs.createReadStream(large), res, fail))
  app.get('/stream/gzip', (_req, res) => {
    res.setHeader('Content-Encoding', 'gzip')
    pipeline(fs.createReadStream(large), createGzip(), res, fail)
  })
  app.get('/stream/generated', (_req, res) => pipeline(Readable.from(['a', 'bb', 'ccc']), res, fail))
  app.post('/stream/echo', (req, res) => pipeline(req, res, fail))
  app.post('/stream/count', async (req, res) => {
    let length = 0
    for await (const chunk of req) length += chunk.length
    res.json({ length, trailers: req.trailers })
  })
  app.get('/stream/trailers', (_req, res) => {
    res.set('Trailer', 'X-Sum')
    res.write('body')
    res.addTrailers({ 'X-Sum': '42' })
    res.end()
  })
  app.get('/stream/download', (_req, res) => res.download(large, 'naïve file.txt'))
  app.get('/stream/sent', (_req, res, next) =>
    res.sendFile('index.html', { root: path.join(directory, 'public') }, (error) => error && next(error)),
  )
  app.get('/stream/missing', (_req, res) => res.sendFile(path.join(directory, 'public/none')))
  app.get('/stream/hints', (_req, res) =>
    res.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => res.send('hinted')),
  )
}

/** Members of node:http that middleware reads although they are not documented. */
function internals(app) {
  app.get('/internals/implicit', (_req, res) => {
    res.setHeader('X-Before', '1')
    const seen = { header: res._header, headers: res._headers === undefined }
    res._implicitHeader()
    seen.after = typeof res._header === 'string' && res._header.startsWith('HTTP/1.1 200 OK\r\nX-Powered-By')
    seen.sent = res.headersSent
    res.end(JSON.stringify(seen))
  })
  app.get('/internals/patched', patchedMethods, (_req, res) => {
    res.write('a')
    res.write(Buffer.from('b'), () => res.end('c'))
  })
  app.get('/internals/patched/head', patchedMethods, (_req, res) => {
    res.statusMessage = 'Fine'
    res.writeHead(201, { 'X-Given': ['1', '2'] })
    res.end()
  })
  const finished = []
  app.get('/internals/finished', (req, res) => {
    finished.push(['before', onFinished.isFinished(req), onFinished.isFinished(res)])
    onFinished(req, (error) => finished.push(['request', error ?? null]))
    onFinished(res, (error, message) =>
      finished.push(['response', error ?? null, message === res, onFinished.isFinished(res)]),
    )
    res.send('x')
  })
  app.get('/internals/finished/reported', (_req, res) => res.json(finished))
}

/** Middleware that changes a response: on-headers, compression and express-session. */
function patchedMethods(_req, res, next) {
  const { end, write, writeHead } = res
  const calls = []
  res.writeHead = function (...args) {
    calls.push('writeHead')
    this.setHeader('X-Calls', calls.join())
    return writeHead.apply(this, args)
  }
  res.write = function (...args) {
    calls.push('write')
    if (!this._header) this._implicitHeader()
    return write.apply(this, args)
  }
  res.end = function (...args) {
    calls.push('end')
    if (!this._header) this._implicitHeader()
    return end.apply(this, args)
  }
  next()
}

function mounted(express) {
  const sub = express()
  sub.set('env', 'production')
  sub.request.fromSub = true
  sub.response.shout = function (text) {
    return this.send(text.toUpperCase())
  }
  sub.get('/shout', (req, res) => res.shout(`${req.baseUrl} ${req.fromSub}`))
  sub.get('/passed-on', (_req, _res, next) => next())
  return sub
}

function errors(app) {
  app.get('/errors/thrown', () => {
    throw Object.assign(new Error('thrown'), { status: 418, headers: { 'X-Why': 'tea' } })
  })
  app.get('/errors/next', (_req, _res, next) => next(new Error('handed over')))
  app.get('/errors/rejected', (_req, _res, next) => Promise.reject(new Error('rejected')).catch(next))
  app.get('/errors/half-way', (_req, res, next) => {
    res.set('Content-Length', '10')
    res.write('half')
    setImmediate(next, new Error('half way'))
  })
  app.get('/errors/page', (_req, _res, next) => next('page'))
  app.use((error, _req, res, next) => (error === 'page' ? res.status(500).send('<h1>our page</h1>') : next(error)))
}
