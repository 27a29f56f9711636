// Programs that must run in a process of their own: those that block, exit, run out of descriptors or throw.
const path = require('node:path')
const { spawn } = require('node:child_process')
const { createInterface } = require('node:readline')

/**
 * Starts `file` beside the test. Its messages are the JSON lines that it prints.
 *
 * @param {string} file absolute path
 * @param {string[]} args
 * @param {{ shell?: string, node?: string[], execPath?: string, env?: Record<string, string> }} options `shell`: commands to
 *   run before in the same shell (ulimit); `execPath`: another Node.js; `env`: variables besides this process's
 */
function start(file, args = [], { shell, node = [], execPath = process.execPath, env } = {}) {
  const command = [execPath, '--expose-gc', ...node, file, ...args]
  const options = { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } }
  const child =
    shell === undefined
      ? spawn(command[0], command.slice(1), options)
      : spawn('/bin/sh', ['-c', `${shell}; exec "$@"`, path.basename(file), ...command], options)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, stderr })))
  return {
    child,
    exited,
    /** Its next message. */
    async nextMessage() {
      const { value, done } = await lines.next()
      if (!done) return JSON.parse(value)
      const { code, signal } = await exited
      throw new Error(`${path.basename(file)} ended with ${code ?? signal}: ${stderr}`)
    },
    /** One line to its standard input. */
    sendLine(text) {
      child.stdin.write(`${text}\n`)
    },
  }
}

module.exports = { start }
