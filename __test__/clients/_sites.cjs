'use strict'
// One site by servers of three kinds, for the crawler.
const { spawn, spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const fs = require('node:fs/promises')
const net = require('node:net')
const { once } = require('node:events')
const os = require('node:os')
const path = require('node:path')
const zlib = require('node:zlib')
const { closeServer } = require('../helpers/play.cjs')

const page = (title, links) =>
  `<title>${title}</title>${'<p>words and words</p>'.repeat(300)}${links.map((href) => `<a href="${href}">.</a>`).join('')}`

const PAGES = 20

/** By path. */
function files() {
  const odd = ['/moved', '/loop', '/big.bin', '/silent', '/partial', '/cut', '/dropped', '/missing.html']
  const pages = Array.from({ length: PAGES }, (_, i) => `/page-${i}.html`)
  const all = new Map([['/index.html', page('start', [...odd, ...pages.slice(0, 10)])]])
  for (const [i, name] of pages.entries())
    all.set(name, page(name, [pages[(i * 7 + 3) % PAGES], pages[(i * 3 + 1) % PAGES], '/deep/index.html']))
  all.set('/deep/index.html', page('deep', ['/', '/moved?again']))
  all.set('/big.bin', Buffer.alloc(2_000_000, 'ferro'))
  return all
}

/** A request listener that serves the site, with the servers' own framing. */
function listener() {
  const site = files()
  return (req, res) => {
    const url = req.url.split('?', 1)[0]
    switch (url) {
      case '/moved':
        return res.writeHead(301, { Location: '/deep/index.html' }).end('moved')
      case '/loop':
        return res.writeHead(302, { Location: '/loop' }).end()
      case '/silent':
        return undefined
      case '/partial':
        return res.writeHead(200, { 'Content-Length': 1000 }).write('a part')
      case '/cut':
        return res.writeHead(200, { 'Content-Length': 1000 }).write('a part', () => res.destroy())
      case '/dropped':
        return req.socket.destroy()
      default:
        return serve(req, res, site.get(url === '/' ? '/index.html' : url))
    }
  }
}

function serve(req, res, body) {
  if (body === undefined) return res.writeHead(404, { 'Content-Type': 'text/html' }).end('nothing there')
  const etag = `"${createHash('sha1').update(body).digest('hex')}"`
  res.setHeader('ETag', etag)
  if (req.headers['if-none-match'] === etag) return res.writeHead(304).end()
  if (typeof body !== 'string') {
    const range = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range)
    if (range === null) return res.end(body)
    res.writeHead(206, { 'Content-Range': `bytes ${range[1]}-${range[2]}/${body.length}` })
    return res.end(body.subarray(Number(range[1]), Number(range[2]) + 1))
  }
  res.setHeader('Content-Type', 'text/html')
  if (!req.headers['accept-encoding']?.includes('gzip')) return res.end(body)
  res.setHeader('Content-Encoding', 'gzip')
  const gzip = zlib.createGzip()
  gzip.pipe(res)
  return gzip.end(body)
}

async function serveWith(t, module) {
  const server = module.createServer(listener())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => closeServer(server))
  return server.address().port
}

/** Connections that are treated according to their first line, which nginx cannot do by itself. */
async function oddities(t) {
  const sockets = new Set()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (data) => {
      const url = data.toString('latin1').split(' ')[1]
      if (url === '/dropped') socket.destroy()
      if (url === '/cut') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\na part')
      if (url === '/partial') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\na part')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server.address().port
}

const configuration = ({ directory, port, odd }) => `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log /dev/null;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}/client;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  types { text/html html; application/octet-stream bin; }
  gzip on;
  gzip_min_length 0;
  server {
    listen 127.0.0.1:${port};
    root ${directory}/site;
    absolute_redirect off;
    location = /moved { return 301 /deep/index.html; }
    location = /loop { return 302 /loop; }
    location ~ ^/(silent|partial|cut|dropped)$ {
      proxy_pass http://127.0.0.1:${odd};
      proxy_buffering off;
    }
  }
}
`

/** With the folder where Debian has nginx, which is not on everybody's path. */
const NGINX_PATH = `${process.env.PATH}:/usr/sbin`

function hasNginx() {
  return spawnSync('nginx', ['-v'], { env: { ...process.env, PATH: NGINX_PATH } }).error === undefined
}

/** @returns where nginx listens */
async function serveWithNginx(t) {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'ferrohttp-nginx-'))
  t.teardown(() => fs.rm(directory, { recursive: true, force: true }))
  // Started by root, nginx reads files as another user.
  await fs.chmod(directory, 0o755)
  for (const [name, body] of files()) {
    const file = path.join(directory, 'site', name)
    await fs.mkdir(path.dirname(file), { recursive: true })
    await fs.writeFile(file, body)
  }
  // nginx cannot listen on port 0, but accepts a socket that listens already.
  const listening = net.createServer().listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address()
  const file = path.join(directory, 'nginx.conf')
  await fs.writeFile(file, configuration({ directory, port, odd: await oddities(t) }))
  const child = spawn('nginx', ['-e', '/dev/null', '-p', directory, '-c', file], {
    env: { ...process.env, PATH: NGINX_PATH, NGINX: '3;' },
    stdio: ['ignore', 'inherit', 'inherit', listening._handle.fd],
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await once(child, 'spawn')
  listening.close()
  t.teardown(async () => {
    child.kill()
    await ended
  })
  return port
}

module.exports = { hasNginx, serveWith, serveWithNginx }
