'use strict'
// Many answers in the callbacks of one phase of the event loop, by handlers that have waited: they may be sent together, and the program
// observes no difference.
const test = require('ava')
const { parity } = require('../helpers/parity.cjs')

const CLIENTS = 40
const ROUNDS = 4

const WAYS = {
  immediates: (act) => setImmediate(act),
  timers: (act) => setTimeout(act, 2),
  'callbacks of I/O': (act) => require('node:fs').stat(__filename, act),
  'promise jobs': (act) => Promise.resolve().then(act),
}

const ANSWERS = {
  end: (res, text) => res.end(text),
  'end, with its length': (res, text) => res.writeHead(200, { 'Content-Length': text.length }).end(text),
  'write, end': (res, text) => {
    res.write(text)
    res.end(text)
  },
  // Named as the event: which of the two comes first differs between Node versions.
  'a callback': (res, text, see) => res.end(text, () => see('finish')),
}

function withResolvers() {
  const result = {}
  result.promise = new Promise((resolve) => {
    result.resolve = resolve
  })
  return result
}

for (const [way, wait] of Object.entries(WAYS)) {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(
      `answers in ${way}: ${name}`,
      parity(async (http, log, tools) => {
        const waiting = []
        /** By the request's URL: the observations of its handler, when they are complete. */
        const views = new Map()
        const viewed = (url) => {
          if (!views.has(url)) views.set(url, withResolvers())
          return views.get(url)
        }
        const server = http.createServer((req, res) => {
          waiting.push({ req, res })
          if (waiting.length < CLIENTS) return
          for (const one of waiting.splice(0)) wait(() => give(one))
        })
        const give = ({ req, res }) => {
          const listens = req.url.endsWith('listens')
          const expected = (listens ? 2 : 0) + (answer === ANSWERS['a callback'] ? 1 : 0)
          const seen = []
          const see = (what) => {
            // Sorted, because their order among the events of other responses depends on the machine.
            if (what !== null) seen.push(what)
            if (seen.length === expected) viewed(req.url).resolve(seen.sort())
          }
          if (listens) res.on('finish', () => see('finish')).on('close', () => see('close'))
          answer(res, `answer to ${req.url}, ${'x'.repeat(req.url.length * 7)}`, see)
          see(null)
        }
        // All requests of a round are answered before the next round, which takes long on a busy machine.
        server.keepAliveTimeout = 0
        const port = await tools.listen(server)
        const clients = await Promise.all(Array.from({ length: CLIENTS }, () => tools.connect(port)))
        for (let round = 0; round < ROUNDS; round++) {
          const listens = round % 2 ? '/listens' : ''
          const ask = async (client, i) => {
            const url = `/${i}/${round}${listens}`
            client.write(`GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
            const { status, body } = await client.readResponse()
            return [url, status, body, await viewed(url).promise]
          }
          log(round, await Promise.all(clients.map(ask)))
        }
      }),
    )
  }
}
