/**
 * Runs a program in a Node of its own, where options of Node come before it.
 *
 * Where `process.execve` exists (not on Windows or Node 20), Node replaces this process and keeps its pid: signals and waiting
 * parents reach the program itself. Elsewhere Node is a child: this process forwards signals and messages to it, and ends as the
 * child ends.
 */
import { spawn } from 'node:child_process'
import type { SendHandle, Serializable, SerializationType } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'

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

/**
 * Runs Node again.
 *
 * @param args its options, the program, and the program's arguments
 * @param command what to run instead of Node, such as a script of a shell
 */
export function runApart(args: string[], command = process.execPath): void {
  // A channel to a parent would be lost: it is closed when another program takes the process's place.
  if (process.execve !== undefined && process.platform !== 'win32' && process.channel === undefined)
    replaceThisProcess(command, args)
  else runChild(command, args)
}

function replaceThisProcess(command: string, args: string[]): never {
  // Says that execve is experimental, and would say so on the program's standard error.
  process.emitWarning = () => {}
  return process.execve!(command, [command === process.execPath ? process.argv0 : command, ...args], process.env)
}

function runChild(command: string, args: string[]): void {
  const channel = process.channel !== undefined
  const child = spawn(command, args, {
    ...(command === process.execPath && { argv0: process.argv0 }),
    shell: process.platform === 'win32' && command.endsWith('.cmd'),
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
