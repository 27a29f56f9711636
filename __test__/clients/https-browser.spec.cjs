'use strict'
// A page over https with a WebSocket, in a browser: requests of several kinds, TLS on I/O threads, and `ws` unchanged.
const fs = require('node:fs')
const path = require('node:path')
const { createRequire } = require('node:module')
const test = require('ava')
const ferrohttp = require('ferrohttp')
const https = require('ferrohttp/https')
const { listen } = require('../helpers/listen.cjs')
const { certificates, keys } = require('../helpers/pki.cjs')

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(fs.existsSync)
const inBrowser = CHROMIUM === undefined ? test.skip : test.serial
const installed = createRequire(path.resolve(__dirname, '../frameworks/package.json'))

const PAGE = `<!doctype html><title>page</title><script>
  const socket = new WebSocket('wss://' + location.host + '/socket')
  const received = new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('x'.repeat(100000))
    socket.onmessage = ({ data }) => resolve(data)
    socket.onerror = reject
  })
  const ask = async (method, body) => {
    const response = await fetch('/echo', { method, body })
    return response.status + ' ' + (await response.text())
  }
  window.outcome = (async () => ({
    get: await ask('GET'),
    post: (await ask('POST', 'y'.repeat(300000))).length,
    many: (await Promise.all(Array.from({ length: 30 }, () => ask('POST', 'z')))).join(),
    socket: await received,
  }))()
</script>`

inBrowser('a page over https with a WebSocket', async (t) => {
  const { WebSocketServer } = installed('ws')
  const before = ferrohttp.stats().https
  const protocols = new Set()
  const server = https.createServer({ key: keys.leaf, cert: certificates.direct }, (req, res) => {
    protocols.add(`${req.socket.getProtocol()} ${req.socket.alpnProtocol} ${req.socket.servername}`)
    if (req.url === '/') res.setHeader('content-type', 'text/html').end(PAGE)
    else req.pipe(res)
  })
  const sockets = new WebSocketServer({ server, path: '/socket' })
  sockets.on('connection', (socket, req) => {
    socket.on('message', (data) => socket.send(`${data.length} ${req.socket.encrypted}`))
  })
  const port = await listen(t, server)
  const { chromium } = require('playwright-core')
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  const errors = []
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(`https://localhost:${port}/`)
  t.deepEqual(await page.evaluate('window.outcome'), {
    get: '200 ',
    post: 300_004,
    many: Array.from({ length: 30 }, () => '200 z').join(),
    socket: '100000 true',
  })
  t.deepEqual(errors, [])
  t.deepEqual([...protocols], ['TLSv1.3 http/1.1 localhost'])
  const { native, compatible } = ferrohttp.stats().https
  t.is(native, before.native + 1)
  t.deepEqual(compatible, before.compatible)
})
