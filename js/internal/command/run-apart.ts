/**
 * Runs a program in a Node of its own, where options of Node come before it.
 *
 * Where `process.execve` exists (not on Windows or Node 20), Node replaces this process and keeps its pid, so that signals and
 * waiting parents reach the program itself. Elsewhere Node is a child process: this process forwards signals and messages to it,
 * and ends in the same way.
 */
import { spawn } from 'node:child_process'
import type { SendHandle, Serializable, SerializationType } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'

/** Signals that are forwarded: those that notify a process, and do not concern this process alone. */
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
/** Signals that a terminal sends to all its processes when keys are pressed. */
const OF_KEYS = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGBREAK'])

/**
 * Runs Node again.
 *
 * @param args options of Node, the program, and the program's arguments
 * @param command a command to run instead of Node, such as a shell script
 */
export function runApart(args: string[], command = process.execPath): void {
  // A channel to a parent would be lost, because it is closed when the process is replaced.
  if (process.execve !== undefined && process.platform !== 'win32' && process.channel === undefined)
    replaceThisProcess(command, args)
  else runChild(command, args)
}

function replaceThisProcess(command: string, args: string[]): never {
  // Suppresses the warning that execve is experimental, which would appear on the program's standard error.
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
    // A signal that Node cannot send, such as SIGPIPE, becomes an exit code as in a shell.
    process.exitCode = signal === null ? code! : 128 + constants.signals[signal]
    if (signal !== null) process.kill(process.pid, signal)
  })
}

/**
 * Whether messages of the parent's channel are JSON, which Node does not expose. The message below is sent in neither form: for
 * JSON `toJSON` is called, which throws, and the other form cannot copy a function.
 */
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
    // Forwarding would make two signals of one Ctrl+C. On Windows, sending a signal kills.
    const isReceivedByChild = OF_KEYS.has(signal) && (isatty(0) || process.platform === 'win32')
    const listener = () => {
      if (!isReceivedByChild) send(signal)
    }
    process.on(signal, listener)
    return { signal, listener }
  })
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener)
  }
}
