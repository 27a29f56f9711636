// The folder of files that servers send, made for this run and removed at its end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Lines of 16 bytes, each with its number, so that a part at a wrong place is detected. */
const lines = (bytes) => Array.from({ length: bytes / 16 }, (_, line) => `${`${line}`.padStart(15, '0')}\n`).join('')

/** @type {Record<string, string>} contents by name */
export const FILES = {
  '2k.txt': lines(2 * 1024),
  '64k.txt': lines(64 * 1024),
  'site.css': 'li { margin: 0 }\n'.repeat(512),
}

let folder

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {Record<string, string>} the environment of a server, with the folder of its files
 */
export function servedFiles({ files }) {
  if (!files) return {}
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'ferrohttp-bench-'))
    for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content)
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  }
  return { FILES: folder }
}
