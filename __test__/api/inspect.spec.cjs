'use strict'
// The live page: its access control, and how a browser shows it.
const http = require('ferrohttp')
const { handler } = require('ferrohttp/inspect')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { once } = require('node:events')
const { spawn, spawnSync } = require('node:child_process')
const test = require('ava')
const { freePort, listen } = require('../helpers/listen.cjs')

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(fs.existsSync)
const inBrowser = CHROMIUM === undefined ? test.skip : test.serial

function get(port, target, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path: target, headers }, (res) => {
      let body = ''
      res.setEncoding('utf8').on('data', (part) => {
        body += part
      })
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body }))
    })
    request.on('error', reject)
  })
}

test('the handler has a page without foreign parts, and the figures of stats()', async (t) => {
  const port = await listen(t, http.createServer(handler))
  const page = await get(port, '/inspect/')
  t.regex(page.headers['content-security-policy'], /default-src 'none'/)
  t.notRegex(page.headers['content-security-policy'], /unsafe/)
  t.notRegex(page.body, /(?:src|href)="/)
  t.regex(page.body, /Copyright \(c\) \d+ Leon Sorokin/, "uPlot's licence")
  const { stats, times } = JSON.parse((await get(port, '/inspect/stats.json')).body)
  t.deepEqual(Object.keys(stats), Object.keys(http.stats()))
  t.is(times.length, 3)
})

test('a page that cannot be read is status 500', (t) => {
  const script = `
    const http = require('ferrohttp')
    const { handler } = require('ferrohttp/inspect')
    require('fs').readFileSync = () => { throw Object.assign(new Error('no'), { code: 'EMFILE' }) }
    const server = http.createServer(handler).listen(0, '127.0.0.1', () => {
      http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (res) => {
        console.log(res.statusCode)
        res.pipe(process.stdout)
        server.close()
      })
    })`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  t.is(stderr, '')
  t.regex(stdout, /^500\n.*EMFILE/)
})

test('FERROHTTP_INSPECT serves it on loopback, and to no other name', async (t) => {
  const port = await freePort()
  const script = "require('ferrohttp').createServer().listen(0, '127.0.0.1', () => console.log('listening'))"
  const env = { ...process.env, FERROHTTP_INSPECT: String(port) }
  const child = spawn(process.execPath, ['-e', script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  for (const Host of [`127.0.0.1:${port}`, `localhost:${port}`, '[::1]']) {
    t.is((await get(port, '/', { Host })).status, 200, Host)
  }
  t.is((await get(port, '/stats.json', { Host: `attacker.example:${port}` })).status, 421)
})

test('the page does not keep a process alive', async (t) => {
  const env = { ...process.env, FERROHTTP_INSPECT: String(await freePort()) }
  t.is(spawnSync(process.execPath, ['-e', "require('ferrohttp')"], { env }).status, 0)
})

test('a forked process does not warn if its parent serves the page', async (t) => {
  const port = await freePort()
  const script = `
    const { fork } = require('child_process')
    require('ferrohttp').createServer().listen(0, '127.0.0.1', async () => {
      await fetch('http://127.0.0.1:${port}/stats.json')
      fork(process.argv[1]).on('close', () => process.exit())
    })`
  const forked = path.join(__dirname, 'fixtures/listening.cjs')
  const env = { ...process.env, FERROHTTP_INSPECT: String(port) }
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, forked], { encoding: 'utf8', env })
  t.is(stderr, '')
  t.is(stdout, 'listening\n')
  const holder = net.createServer().listen(port, '127.0.0.1')
  await once(holder, 'listening')
  t.teardown(() => holder.close())
  t.regex(spawnSync(process.execPath, [forked], { encoding: 'utf8', env }).stderr, /FERROHTTP_INSPECT: .*EADDRINUSE/)
})

const INVALID = [
  ...['yes', 'localhost:9230', '127.0.0.1', '127.0.0.1:70000', ':9230', '0', '127.0.0.1:0'],
  ...['0:9230', '1.2:9230', '127.0.0.999:9230', '[:::]:9230', '[127.0.0.1]:9230'],
]
for (const value of INVALID) {
  test(`FERROHTTP_INSPECT=${value} is an error`, (t) => {
    const env = { ...process.env, FERROHTTP_INSPECT: value }
    const { status, stderr } = spawnSync(process.execPath, ['-e', "require('ferrohttp')"], { encoding: 'utf8', env })
    t.is(status, 1)
    t.regex(stderr, /ERR_FERROHTTP_INVALID_VARIABLE/)
  })
}

for (const colorScheme of ['light', 'dark']) {
  inBrowser(`a browser draws it: ${colorScheme}`, async (t) => {
    const { chromium } = require('playwright-core')
    let isLoading = true
    let isBlocked = false
    const server = http.createServer((req, res) => {
      if (isBlocked) return
      if (req.url.startsWith('/inspect/')) handler(req, res)
      else res.end('hello')
    })
    const port = await listen(t, server)
    const agent = new http.Agent({ keepAlive: true })
    const load = async () => {
      while (isLoading) {
        await new Promise((resolve) => {
          http.get({ port, host: '127.0.0.1', agent }, (res) => res.resume().on('end', resolve))
        })
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
    const loading = Promise.all([load(), load()])
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 900 } })
      const errors = []
      page.on('pageerror', (error) => errors.push(error.message))
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
      await page.goto(`http://127.0.0.1:${port}/inspect/`)
      await page.waitForSelector('body[data-drawn]')
      t.is(await page.locator('canvas').count(), 4)
      // The page shows a moment, in which the connections may all be at work. A later one will do.
      const shows = (id, text) => page.locator(id).filter({ hasText: text }).waitFor()
      await shows('#connections', 'server, idle')
      await shows('#pools', `127.0.0.1:${port}`)
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      t.is(background, colorScheme === 'dark' ? 'rgb(20, 24, 29)' : 'rgb(255, 255, 255)')
      if (process.env.FERROHTTP_SCREENSHOTS) {
        await page.waitForTimeout(Number(process.env.FERROHTTP_SCREENSHOTS))
        await page.screenshot({ path: path.join(__dirname, `../../docs/inspect-${colorScheme}.png`), fullPage: true })
      }
      isLoading = false
      await loading
      isBlocked = true
      await page.waitForFunction(() => document.getElementById('state').textContent.startsWith('no answer'))
      t.deepEqual(
        errors.filter((text) => !text.includes('favicon')),
        [],
      )
    } finally {
      isLoading = false
      await loading
      agent.destroy()
      await browser.close()
    }
  })
}
