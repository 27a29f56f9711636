#!/usr/bin/env node
/**
 * `ferrohttp app.js`: Node itself, told to load the register module ahead of the program. All arguments are Node's.
 *
 * Not `Module.runMain` in this process, although that saves one start of Node (40 ms on Node 24, 90 ms on Node 20):
 * worker threads of the program would have Node's http, since they take Node's options and not what happened to the
 * main thread, and options ahead of the file need a start of their own anyway. Forked processes and cluster workers inherit `process.execArgv`.
 *
 * Where the system can (`process.execve`, not on Windows or Node 20), Node takes this process's place: the same pid,
 * so whoever sends signals or waits deals with the program. Elsewhere it is a child, and what happens to one
 * of the two happens to the other.
 */
import { spawn } from 'node:child_process'
import type { SendHandle, Serializable, SerializationType } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { isatty } from 'node:tty'

const USAGE = `Usage: ferrohttp [options of node] program.js [arguments]

Runs a program with ferrohttp in place of the builtin http module.

  -h, --help     print this
  -v, --version  print the version of ferrohttp

Everything else is handed to node: ferrohttp --inspect program.js
`

/** What may be sent to a process to tell it something, and is not about this process alone. */
const FORWARDED: NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGWINCH',
  'SIGBREAK',
]
/** What a terminal's keys send to all its processes. */
const OF_KEYS = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGBREAK'])

function main(given: string[]): void {
  const [first] = given
  if (first === undefined) {
    process.stderr.write(USAGE)
    process.exitCode = 2
  } else if (first === '--help' || first === '-h') {
    process.stdout.write(USAGE)
  } else if (first === '--version' || first === '-v') {
    const manifest = readFileSync(path.join(__dirname, '../package.json'), 'utf8')
    process.stdout.write(`${JSON.parse(manifest).version}\n`)
  } else {
    run([...process.execArgv, '--require', path.join(__dirname, 'register.js'), ...given])
  }
}

function run(args: string[]): void {
  // A channel to a parent would be lost: it is closed when another program takes the process's place.
  if (process.execve !== undefined && process.platform !== 'win32' && process.channel === undefined)
    replaceThisProcess(args)
  else runChild(args)
}

function replaceThisProcess(args: string[]): never {
  // Says that execve is experimental, and would say so on the program's standard error.
  process.emitWarning = () => {}
  return process.execve!(process.execPath, [process.argv0, ...args], process.env)
}

function runChild(args: string[]): void {
  const channel = process.channel !== undefined
  const child = spawn(process.execPath, args, {
    argv0: process.argv0,
    stdio: channel ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
    ...(channel && { serialization: serialization() }),
  })
  const stopForwarding = forwardSignals((signal) => child.kill(signal))
  if (channel) {
    process.on('message', (message, handle) => child.send(message as Serializable, handle as SendHandle))
    child.on('message', (message, handle) => process.send!(message, handle))
    process.once('disconnect', () => child.connected && child.disconnect())
    child.once('disconnect', () => process.connected && process.disconnect())
  }
  child.once('exit', (code, signal) => {
    stopForwarding()
    // What Node takes no signal for, such as SIGPIPE, is said as a shell says it.
    process.exitCode = signal === null ? code! : 128 + constants.signals[signal]
    if (signal !== null) process.kill(process.pid, signal)
  })
}

/** Whether messages of the parent's channel are JSON. Node tells nobody, but neither form takes this one. */
function serialization(): SerializationType {
  const asJson = new Error()
  try {
    process.send!({
      toJSON() {
        throw asJson
      },
    })
  } catch (error) {
    return error === asJson ? 'json' : 'advanced'
  }
  return 'json'
}

function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  const listeners = FORWARDED.filter((signal) => signal in constants.signals).map((signal) => {
    // Sent again, one Ctrl+C would be two. On Windows sending is killing.
    const heard = OF_KEYS.has(signal) && (isatty(0) || process.platform === 'win32')
    const listener = () => {
      if (!heard) send(signal)
    }
    process.on(signal, listener)
    return { signal, listener }
  })
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener)
  }
}

main(process.argv.slice(2))
