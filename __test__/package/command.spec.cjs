'use strict'
// `ferrohttp program.js`, on every Node.js that is here: newer ones take the command's place, older ones are its child.
const { fork, spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { createInterface } = require('node:readline')
const test = require('ava')
const { MAJOR, node } = require('../helpers/nodes.cjs')
const manifest = require('ferrohttp/package.json')

const COMMAND = path.join(path.dirname(require.resolve('ferrohttp/package.json')), manifest.bin.ferrohttp)
const WHOLE = path.join(__dirname, 'fixtures/whole.cjs')
const MODULE = path.join(__dirname, 'fixtures/module.mjs')
const CHANNEL = path.join(__dirname, 'fixtures/channel.cjs')
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)
const POSIX = process.platform !== 'win32'

/** What `ferrohttp …args` prints and how it ends. */
const run = (major, ...args) => spawnSync(node(major), [COMMAND, ...args], { encoding: 'utf8' })

/** The program in the background: its lines of JSON, and how it ended. */
function start(t, major, ...args) {
  const child = spawn(node(major), [COMMAND, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    ended: once(child, 'close'),
    said: async () => JSON.parse((await lines.next()).value),
    tell: (command) => child.stdin.write(`${command}\n`),
  }
}

test('--help and --version; without arguments it says how it is used', (t) => {
  const help = run(MAJOR, '--help')
  t.regex(help.stdout, /^Usage: ferrohttp /)
  t.like(help, { status: 0, stderr: '' })
  t.like(run(MAJOR, '--version'), { status: 0, stdout: `${manifest.version}\n` })
  t.like(run(MAJOR), { status: 2, stdout: '', stderr: help.stdout })
})

test('the command is a program to a shell', (t) => {
  t.true(fs.readFileSync(COMMAND, 'utf8').startsWith('#!/usr/bin/env node\n'))
})

for (const major of NODES) {
  test(`Node ${major}: a CommonJS program sees what it would see of node --require`, async (t) => {
    const program = start(t, major, '--expose-gc', WHOLE, '--help', 'b c')
    const { pid, execPath, execArgv, argv, ...said } = await program.said()
    t.deepEqual(said, { ours: true, main: true, gc: 'function' })
    t.deepEqual(argv, [execPath, WHOLE, '--help', 'b c'])
    t.deepEqual(execArgv, ['--require', path.join(path.dirname(COMMAND), 'register.js'), '--expose-gc'])
    if (POSIX && major >= 24) t.is(pid, program.child.pid)
    program.child.stdin.end()
    t.deepEqual(await program.ended, [0, null])
  })

  test(`Node ${major}: a module is the program, too`, (t) => {
    const { stdout, stderr, status } = run(major, MODULE, 'a')
    t.like({ stderr, status }, { stderr: '', status: 0 })
    const { argv, ...said } = JSON.parse(stdout)
    t.deepEqual(said, { ours: true, main: true })
    t.deepEqual(argv.slice(1), [MODULE, 'a'])
  })

  test(`Node ${major}: what the program starts has ferrohttp as well`, async (t) => {
    const program = start(t, major, WHOLE)
    await program.said()
    for (const where of ['serve', 'thread', 'fork', 'cluster']) {
      program.tell(where)
      t.deepEqual(await program.said(), { ours: true, served: 1, asked: 1 }, where)
    }
    program.child.stdin.end()
    t.deepEqual(await program.ended, [0, null])
  })

  test(`Node ${major}: the program's end is the command's`, async (t) => {
    t.is(run(major, '--eval', 'process.exitCode = 3').status, 3)
    const failed = run(major, '--eval', 'throw new Error("on purpose")')
    t.is(failed.status, 1)
    t.regex(failed.stderr, /Error: on purpose/)
    t.is(run(major, path.join(__dirname, 'no such file')).status, 1)
    if (POSIX) t.is(run(major, '--eval', 'process.kill(process.pid, "SIGKILL")').signal, 'SIGKILL')
  })

  if (POSIX)
    test(`Node ${major}: signals reach the program`, async (t) => {
      const program = start(t, major, WHOLE)
      await program.said()
      program.tell('listen')
      t.deepEqual(await program.said(), { listening: true })
      for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) {
        program.child.kill(signal)
        t.deepEqual(await program.said(), { signal })
      }
      program.child.kill('SIGINT')
      t.deepEqual(await program.ended, [9, null])

      const unready = start(t, major, WHOLE)
      await unready.said()
      unready.child.kill('SIGTERM')
      t.deepEqual(await unready.ended, [null, 'SIGTERM'])
    })

  for (const form of ['json', 'advanced'])
    test(`Node ${major}: a parent's channel is the program's, ${form}`, async (t) => {
      const child = fork(COMMAND, [CHANNEL], { execPath: node(major), execArgv: [], serialization: form })
      t.teardown(() => child.kill('SIGKILL'))
      t.deepEqual(await once(child, 'message'), ['ready', undefined])
      const value = { bytes: Buffer.from('ab'), set: new Set(['x']) }
      child.send({ form, value })
      const [answer] = await once(child, 'message')
      t.deepEqual(
        answer,
        form === 'json'
          ? { got: { bytes: { type: 'Buffer', data: [97, 98] }, set: {} }, set: {} }
          : { got: value, set: new Set([1]) },
      )

      const acceptor = net.createServer().listen(0, '127.0.0.1')
      await once(acceptor, 'listening')
      const socket = net.connect(acceptor.address().port, '127.0.0.1').setEncoding('utf8')
      const [accepted] = await once(acceptor, 'connection')
      acceptor.close()
      child.send({ form, value: 'socket' }, accepted)
      t.deepEqual(await once(socket, 'data'), ['handed over'])
      t.is((await once(child, 'message'))[0].got, 'socket')

      child.disconnect()
      t.deepEqual(await once(child, 'exit'), [5, null])
    })
}
