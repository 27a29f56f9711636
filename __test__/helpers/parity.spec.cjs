'use strict'
const test = require('ava')
const { parity } = require('./parity.cjs')
const { normalise, plain, transcript } = require('./record.cjs')

test(
  'a served request is the same',
  parity(async (http, log, { listen, raw }) => {
    const server = http.createServer((req, res) => {
      log(req.method, req.url, req.headers)
      res.end('hello')
    })
    const port = await listen(server)
    log(await raw(port, `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`))
  }),
)

test(
  'an isolated script reports how its process ended',
  parity(
    async (http, log) => {
      log(typeof http.createServer)
      process.exitCode = 7
    },
    { isolated: true },
  ),
)

const differing = {
  'a differing entry': async (http, log) => log(http === require('node:http')),
  'a differing number of entries': async (http, log) => {
    log('both')
    if (http === require('node:http')) log('one')
  },
  'an empty log': async () => {},
}

for (const [title, script] of Object.entries(differing)) {
  for (const isolated of [false, true]) {
    test(`${title} fails, ${isolated ? 'isolated' : 'in this process'}`, async (t) => {
      const attempt = await t.try(parity(script, { isolated }))
      attempt.discard()
      // The entry with the exit code is one, so an isolated log is never empty.
      t.is(attempt.passed, isolated && title === 'an empty log')
    })
  }
}

test('a script that throws fails, isolated', async (t) => {
  const script = parity(
    async () => {
      throw new Error('on purpose')
    },
    { isolated: true },
  )
  await t.throwsAsync(async () => script(t), { message: /on purpose/ })
})

test('transcripts have plain values', (t) => {
  const { entries, log } = transcript()
  log('event', undefined, Buffer.from([0xe9]), Object.assign(new RangeError('far'), { code: 'E_FAR' }), new Map())
  t.deepEqual(entries, [['event', '<undefined>', 'é', { error: 'RangeError', code: 'E_FAR', message: 'far' }, '<Map>']])
  t.deepEqual(plain(Object.assign(Object.create(null), { a: [() => {}] })), { a: ['<function>'] })
})

test('dates and known ports are removed, other numbers are kept', (t) => {
  const entries = [
    ['Date: Sat, 21 Nov 2026 13:00:00 GMT', { remotePort: 4242, length: 4242 }, 'localhost:4242 4242 :42'],
  ]
  t.deepEqual(normalise(entries, new Set([4242])), [
    ['Date: <date>', { remotePort: '<port>', length: 4242 }, 'localhost:<port> 4242 :42'],
  ])
})
