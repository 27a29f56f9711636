'use strict'
// A program's own `lookup`: with all kinds of answers, and when it answers several times.
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

on24(
  'answers that are no addresses',
  parity(async (http, log, { listen }) => {
    const port = await listen(http.createServer((_req, res) => res.end('ok')))
    const { asks } = require('../parity/_lookups.cjs')
    const good = { address: '127.0.0.1', family: 4 }
    const lists = {
      'an address': '127.0.0.1',
      garbage: [{ address: 'x', family: 4 }],
      'a family of 5': [{ address: '127.0.0.1', family: 5 }],
      'a family that is text': [{ address: '127.0.0.1', family: '4' }],
      'no family': [{ address: '127.0.0.1' }],
      'the same twice': [good, good],
      'one good, one bad': [{ address: 'x', family: 4 }, good],
    }
    for (const [title, list] of Object.entries(lists))
      await asks(http, log, `all: ${title}`, { port }, (_host, _options, answer) =>
        setImmediate(answer, null, list),
      ).catch((error) => log(title, error.name))
    const singles = { good: ['127.0.0.1', 4], bad: ['x', 4], nothing: [], 'a number': [5, 4], 'a list': [[good]] }
    singles['no family'] = ['127.0.0.1']
    singles['a family of 5'] = ['127.0.0.1', 5]
    for (const [title, answers] of Object.entries(singles)) {
      const lookup = (_host, _options, answer) => setImmediate(answer, null, ...answers)
      await asks(http, log, `one: ${title}`, { port, family: 4 }, lookup)
      await asks(http, log, `one, at once: ${title}`, { port, family: 4 }, (_h, _o, answer) => answer(null, ...answers))
    }
  }),
)

on24(
  'a lookup that calls back twice',
  parity(async (http, log, { listen }) => {
    const port = await listen(http.createServer((_req, res) => res.end('ok')))
    const { asks } = require('../parity/_lookups.cjs')
    const later = {
      'at once': (again) => again(),
      'in a tick': process.nextTick,
      'in an immediate': setImmediate,
      'after the response': (again, ended) => ended.then(again),
    }
    for (const family of [0, 4])
      for (const first of ['at once', 'in an immediate'])
        for (const [when, go] of Object.entries(later))
          for (const second of ['the same', 'an error']) {
            let end
            const ended = new Promise((resolve) => {
              end = resolve
            })
            const lookup = (_host, { all }, answer) => {
              const found = all ? [[{ address: '127.0.0.1', family: 4 }]] : ['127.0.0.1', 4]
              const answers = () => {
                answer(null, ...found)
                go(() => (second === 'the same' ? answer(null, ...found) : answer(new Error('second'))), ended)
              }
              if (first === 'at once') answers()
              else setImmediate(answers)
            }
            await asks(http, log, `${family}, ${first}, ${when}: ${second}`, { port, family }, lookup)
            end()
            await new Promise(setImmediate)
          }
  }),
)
