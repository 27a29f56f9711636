'use strict'
// `ferrohttp program.js`, on every installed Node.js: newer ones replace the command's process, older ones are its child.
const { fork, spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { createInterface } = require('node:readline')
const test = require('ava')
const { MAJOR, node } = require('../helpers/nodes.cjs')
const manifest = require('ferrohttp/package.json')

const COMMAND = path.join(path.dirname(require.resolve('ferrohttp/package.json')), manifest.bin.ferrohttp)
const WHOLE = path.join(__dirname, 'fixtures/whole.cjs')
const MODULE = path.join(__dirname, 'fixtures/module.mjs')
const DESCENDANTS = path.join(__dirname, 'fixtures/descendants.cjs')
const CHANNEL = path.join(__dirname, 'fixtures/channel.cjs')
const NODES = [...new Set([MAJOR, 20, 22, 24, 26])].filter((major) => node(major) !== null)
const POSIX = process.platform !== 'win32'

/** What `ferrohttp …args` prints and how it ends. */
function run(major, ...args) {
  const options = typeof args.at(-1) === 'object' ? args.pop() : {}
  return spawnSync(node(major), [COMMAND, ...args], { encoding: 'utf8', ...options })
}

function folders(t) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp command-')))
  t.teardown(() => fs.rmSync(folder, { recursive: true }))
  return folder
}

/** The program in the background: its lines of JSON, and how it ended. */
function start(t, major, ...args) {
  const child = spawn(node(major), [COMMAND, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    ended: once(child, 'close'),
    nextMessage: async () => JSON.parse((await lines.next()).value),
    sendLine: (command) => child.stdin.write(`${command}\n`),
  }
}

test('--help and --version; without arguments the command prints its usage', (t) => {
  const help = run(MAJOR, '--help')
  t.regex(help.stdout, /^Usage: ferrohttp /)
  t.like(help, { status: 0, stderr: '' })
  t.like(run(MAJOR, '--version'), { status: 0, stdout: `${manifest.version}\n` })
  t.like(run(MAJOR), { status: 2, stdout: '', stderr: help.stdout })
})

test('doctor prints versions, settings and problems', (t) => {
  const { FERROHTTP: _, ...environment } = process.env
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('FERROHTTP_')))
  const well = run(MAJOR, 'doctor', { env })
  t.like(well, { status: 0, stderr: '' })
  for (const line of [
    manifest.version,
    process.versions.node,
    process.arch,
    '.node',
    'server: native',
    'client: native',
    'No problems.',
  ])
    t.true(well.stdout.includes(line), line)
  const wrong = run(MAJOR, 'doctor', { env: { ...env, FERROHTTP_IO_THREAD: '1', FERROHTTP_IO_THREADS: '0' } })
  t.is(wrong.status, 1)
  t.regex(wrong.stdout, /Problem: the environment variable FERROHTTP_IO_THREAD is unknown\.\n {2}To do: /)
  t.regex(wrong.stdout, /Problem: The environment variable FERROHTTP_IO_THREADS must be /)
  const unknown = run(MAJOR, 'doctor', { env: { ...env, FERROHTTP_IO_THREAD: '1' } })
  t.is(unknown.status, 1)
  t.true(unknown.stdout.includes('server: native'), 'an unknown name stops nothing')
  const missing = run(MAJOR, 'doctor', { env: { ...env, FERROHTTP_ADDON: 'nowhere.node' } })
  t.is(missing.status, 1)
  t.regex(missing.stdout, /not loaded \(ERR_FERROHTTP_ADDON_UNLOADABLE\).*To do: correct FERROHTTP_ADDON/s)
})

test('under Bun the program is not run', (t) => {
  const fake = path.join(folders(t), 'fake.cjs')
  fs.writeFileSync(fake, "Object.defineProperty(process, 'versions', { value: { ...process.versions, bun: '1.4.5' } })")
  const { status, stdout, stderr } = run(MAJOR, WHOLE, {
    env: { ...process.env, NODE_OPTIONS: `--require ${JSON.stringify(fake)}` },
  })
  t.deepEqual({ status, stdout }, { status: 1, stdout: '' })
  t.regex(stderr, /ERR_FERROHTTP_UNSUPPORTED_RUNTIME/)
})

test('a package in a folder with spaces, quotes and backslashes reaches child processes', (t) => {
  const folder = path.join(folders(t), POSIX ? 'a "b\\c d' : 'a b')
  const own = path.join(folder, 'ferrohttp')
  const root = path.dirname(path.dirname(COMMAND))
  fs.cpSync(path.join(root, 'dist'), path.join(own, 'dist'), { recursive: true })
  fs.copyFileSync(path.join(root, 'package.json'), path.join(own, 'package.json'))
  const native = path.join(root, 'js/native')
  const [addon] = fs.readdirSync(native).filter((name) => name.endsWith('.node'))
  const env = { ...process.env, FERROHTTP_ADDON: path.join(native, addon), NODE_OPTIONS: '--no-warnings' }
  fs.writeFileSync(
    path.join(folder, 'app.js'),
    `console.log(require('child_process').execFileSync(process.execPath, ['-p', '[process.versions.ferrohttp, process.env.NODE_OPTIONS.startsWith("--no-warnings ")].join()'], { encoding: 'utf8' }).trim())`,
  )
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(own, 'dist/bin.js'), 'app.js'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  t.deepEqual({ stdout, stderr }, { stdout: `${manifest.version},true\n`, stderr: '' })
})

test('the command is a program to a shell', (t) => {
  t.true(fs.readFileSync(COMMAND, 'utf8').startsWith('#!/usr/bin/env node\n'))
})

for (const major of NODES) {
  test(`Node ${major}: a CommonJS program runs as with node --require`, async (t) => {
    const program = start(t, major, '--expose-gc', WHOLE, '--help', 'b c')
    const { pid, execPath, execArgv, argv, ...report } = await program.nextMessage()
    t.deepEqual(report, { ours: true, main: true, gc: 'function' })
    t.deepEqual(argv, [execPath, WHOLE, '--help', 'b c'])
    t.deepEqual(execArgv, ['--require', path.join(path.dirname(COMMAND), 'register.js'), '--expose-gc'])
    if (POSIX && major >= 24) t.is(pid, program.child.pid)
    program.child.stdin.end()
    t.deepEqual(await program.ended, [0, null])
  })

  test(`Node ${major}: without options of node the program runs in the process of the command`, async (t) => {
    const program = start(t, major, WHOLE, 'b c')
    const { pid, execPath, execArgv, argv, ...report } = await program.nextMessage()
    t.deepEqual(report, { ours: true, main: true, gc: 'undefined' })
    t.deepEqual({ pid, argv, execArgv }, { pid: program.child.pid, argv: [execPath, WHOLE, 'b c'], execArgv: [] })
    program.child.stdin.end()
    t.deepEqual(await program.ended, [0, null])
  })

  test(`Node ${major}: worker threads and processes have ferrohttp, whatever their options are`, (t) => {
    const { stdout, stderr, status } = run(major, DESCENDANTS)
    t.deepEqual({ stderr, status }, { stderr: '', status: 0 })
    const reports = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const kinds = ['execArgv', 'env', 'both', 'none', 'nested', 'spawn', 'fork', 'shell']
    t.deepEqual(reports.map(({ kind }) => kind).sort(), kinds.sort())
    for (const { kind, version } of reports) t.is(version, manifest.version, kind)
  })

  test(`Node ${major}: an executable of a package, as npx finds it`, (t) => {
    const folder = folders(t)
    const bin = path.join(folder, 'node_modules/.bin')
    const below = path.join(folder, 'a/b')
    fs.mkdirSync(bin, { recursive: true })
    fs.mkdirSync(below, { recursive: true })
    const body = 'console.log(JSON.stringify([process.versions.ferrohttp, process.argv.slice(2), process.cwd()]))\n'
    const write = (name, text) => fs.writeFileSync(path.join(bin, name), text, { mode: 0o755 })
    fs.writeFileSync(path.join(folder, 'main.js'), `#!/usr/bin/env node\n${body}`, { mode: 0o755 })
    fs.symlinkSync('../../main.js', path.join(bin, 'linked'))
    write('direct', `#!${node(major)}\n${body}`)
    // As pnpm makes them.
    write('shim', `#!/bin/sh\nexec "${node(major)}" "${path.join(folder, 'main.js')}" "$@"\n`)
    for (const name of ['linked', 'direct', 'shim']) {
      const { stdout, stderr, status } = run(major, name, 'x y', '--z', { cwd: below })
      t.deepEqual({ stderr, status }, { stderr: '', status: 0 }, name)
      t.deepEqual(JSON.parse(stdout), [manifest.version, ['x y', '--z'], below], name)
    }
    fs.writeFileSync(path.join(below, 'linked'), 'console.log("the file")')
    t.is(run(major, 'linked', { cwd: below }).stdout, 'the file\n', 'a file comes first')
    const nothing = run(major, 'nothing', { cwd: below })
    t.is(nothing.status, 1)
    t.regex(nothing.stderr, /^ferrohttp: there is no program nothing: .*\n$/)
  })

  test(`Node ${major}: a module is the program, too`, (t) => {
    const { stdout, stderr, status } = run(major, MODULE, 'a')
    t.like({ stderr, status }, { stderr: '', status: 0 })
    const { argv, ...report } = JSON.parse(stdout)
    t.deepEqual(report, { ours: true, main: true })
    t.deepEqual(argv.slice(1), [MODULE, 'a'])
  })

  test(`Node ${major}: processes of the program have ferrohttp as well`, async (t) => {
    const program = start(t, major, WHOLE)
    await program.nextMessage()
    for (const where of ['serve', 'thread', 'fork', 'cluster']) {
      program.sendLine(where)
      t.deepEqual(await program.nextMessage(), { ours: true, served: 1, asked: 1 }, where)
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
      await program.nextMessage()
      program.sendLine('listen')
      t.deepEqual(await program.nextMessage(), { listening: true })
      for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) {
        program.child.kill(signal)
        t.deepEqual(await program.nextMessage(), { signal })
      }
      program.child.kill('SIGINT')
      t.deepEqual(await program.ended, [9, null])

      const unready = start(t, major, WHOLE)
      await unready.nextMessage()
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
