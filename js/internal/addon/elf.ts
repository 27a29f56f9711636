/** Reads the program headers of an ELF file: its dynamic linker, and its required length. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const HEADER_SIZE = 64
const MAGIC = 0x464c457f
const CLASS_64 = 2
const LITTLE_ENDIAN = 1
const SEGMENT_LOAD = 1
const SEGMENT_INTERPRETER = 3
/** Largest size of the headers in bytes, as in Linux. A file with more only happens to begin like a program. */
const MAX_HEADERS_SIZE = 0x10000

interface ElfFile {
  /** Path of the dynamic linker; null for a library or a static program. */
  readonly interpreter: string | null
  /** Size of the file in bytes. */
  readonly size: number
  /** Size that its segments need. The kernel raises SIGBUS for a page of a segment that is not in the file. */
  readonly sizeNeeded: number
}

/**
 * Reads the headers of a 64-bit little-endian ELF file, the format of every Linux target of the addon.
 *
 * @returns null when the file is something else or its headers are cut off
 * @throws errors of the file system
 */
export function readElf(path: string): ElfFile | null {
  const descriptor = openSync(path, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const header = read(descriptor, 0, HEADER_SIZE)
    if (header === null || header.readUInt32LE(0) !== MAGIC) return null
    if (header[4] !== CLASS_64 || header[5] !== LITTLE_ENDIAN) return null
    const tableOffset = Number(header.readBigUInt64LE(32))
    const entrySize = header.readUInt16LE(54)
    const entries = header.readUInt16LE(56)
    if (entrySize < 56 || entrySize * entries > MAX_HEADERS_SIZE) return null
    const table = read(descriptor, tableOffset, entrySize * entries)
    if (table === null) return null

    let interpreter: string | null = null
    let sizeNeeded = tableOffset + table.length
    for (let at = 0; at < table.length; at += entrySize) {
      const type = table.readUInt32LE(at)
      const offset = Number(table.readBigUInt64LE(at + 8))
      const length = Number(table.readBigUInt64LE(at + 32))
      if (type === SEGMENT_LOAD) sizeNeeded = Math.max(sizeNeeded, offset + length)
      if (type === SEGMENT_INTERPRETER && length <= MAX_HEADERS_SIZE)
        interpreter = read(descriptor, offset, length)?.toString('latin1').replace(/\0+$/, '') ?? null
    }
    return { interpreter, size, sizeNeeded }
  } finally {
    closeSync(descriptor)
  }
}

/** @returns null when the file is shorter */
function read(descriptor: number, offset: number, length: number): Buffer | null {
  const bytes = Buffer.allocUnsafe(length)
  return readSync(descriptor, bytes, 0, length, offset) === length ? bytes : null
}
