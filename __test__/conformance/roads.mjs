// Which road the connections of Node's tests took.
import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** Files that bring streams of their own, TLS among them, or look into Node: so their connections need not be native. */
const OWN =
  /Duplex|PassThrough|createConnection|createSocket|addRequest|internal\/|expose-internals|internalBinding|_http_|_handle\b|emit\(['"]connection|require\(['"](node:)?(tls|https|cluster)['"]\)/

/** The share of the other files' connections that must be native. */
const SHARE = 0.95

/**
 * @param {string} tests the folder of the tests
 * @param {string} log what `roads.cjs` has appended
 * @returns {Promise<{ summary: string, enough: boolean }>}
 */
export async function countRoads(tests, log) {
  const files = new Map()
  for (const line of (await readFile(log, 'utf8')).trim().split('\n')) {
    const { file, native, compatible } = JSON.parse(line)
    const sum = files.get(file) ?? { native: 0, compatible: 0 }
    files.set(file, { native: sum.native + native, compatible: sum.compatible + compatible })
  }
  const total = { files: 0, native: 0, compatible: 0 }
  for (const [file, { native, compatible }] of files) {
    if (OWN.test(await readFile(path.join(tests, file), 'utf8'))) continue
    total.files++
    total.native += native
    total.compatible += compatible
  }
  const share = total.native / (total.native + total.compatible)
  return {
    summary: `${total.native} connections of ${total.files} plain files took the native road, ${total.compatible} the compatible one (${(share * 100).toFixed(1)} %)`,
    enough: share >= SHARE,
  }
}
