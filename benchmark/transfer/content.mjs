// The same bytes as those of `blocks()` in docs/example/server.js, by an implementation of its own.
import { createHash } from 'node:crypto'

const BLOCK_BYTES = 64 * 1024
const NOISE = Buffer.alloc(2 * BLOCK_BYTES)
for (let offset = 0, x = 1; offset < NOISE.length; offset += 1) {
  x = (Math.imul(x, 1103515245) + 12345) >>> 0
  NOISE[offset] = x >>> 24
}

/** @param {number} bytes */
export function* blocks(bytes) {
  const count = Math.ceil(bytes / BLOCK_BYTES)
  for (let n = 0; n < count; n += 1) {
    const start = n % BLOCK_BYTES
    yield NOISE.subarray(start, start + Math.min(BLOCK_BYTES, bytes - n * BLOCK_BYTES))
  }
}

/** @param {number} bytes */
export function sha256(bytes) {
  const hash = createHash('sha256')
  for (const block of blocks(bytes)) hash.update(block)
  return hash.digest('hex')
}
