'use strict'
// The errors of `server.listen` for addresses and paths that cannot be bound.
const on24 = require('./_on24.cjs')
const { parity } = require('../helpers/parity.cjs')

const unlessWindows = process.platform === 'win32' ? () => {} : on24

unlessWindows(
  'paths that are taken, forbidden, too long, or hold a NUL',
  parity(async (http, log, { after }) => {
    const fs = require('node:fs')
    const path = require('node:path')
    const { attempts } = require('../parity/_listen.cjs')
    const directory = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'ferrohttp-'))
    after(() => fs.rmSync(directory, { recursive: true }))
    fs.writeFileSync(path.join(directory, 'file'), '')
    const forms = {
      'a file': [path.join(directory, 'file')],
      'a directory': [directory],
      'below a file': [path.join(directory, 'file/x')],
      'in no directory': [path.join(directory, 'none/x')],
      'too long': [path.join(directory, 'x'.repeat(200))],
      'a NUL inside': [`${directory}/admin\0/../other`],
      'a NUL at the end': [`${directory}/admin\0`],
      'in options': [{ path: path.join(directory, 'none/x'), readableAll: true }],
      free: [path.join(directory, 'free')],
    }
    if (process.platform === 'linux') forms.abstract = [`\0ferrohttp ${process.pid} ${Math.random()}`]
    const masked = (text) => text.replaceAll(directory, '<dir>').replace(/ferrohttp \d+.*/, 'ferrohttp')
    await attempts(http, log, forms, masked)
    log(fs.readdirSync(directory))
  }),
)

unlessWindows(
  'IPv6 addresses with a zone, and addresses that are not here',
  parity(async (http, log) => {
    const { attempts } = require('../parity/_listen.cjs')
    const hosts = ['::1%lo', '::1%none', '::%lo', 'fe80::1%none', 'fe80::1', '::1%', '192.0.2.1', '::ffff:127.0.0.1']
    if (process.platform === 'linux') hosts.push('fe80::1%lo', '::ffff:127.0.0.1%lo')
    await attempts(http, log, Object.fromEntries(hosts.map((host) => [host, [0, host]])))
  }),
)

on24(
  'a backlog that is no number',
  parity(async (http, log) => {
    const { attempts } = require('../parity/_listen.cjs')
    const backlogs = ['7', 'x', Number.NaN, -1, 0, null, 1.5, {}, 2 ** 40]
    const form = (backlog) => [{ port: 0, host: '127.0.0.1', backlog }]
    await attempts(http, log, Object.fromEntries(backlogs.map((backlog, i) => [i, form(backlog)])))
    await attempts(http, log, { argument: [0, '127.0.0.1', 'x'] })
  }),
)
