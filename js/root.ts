/** The folder of the package. This file is one level below it in all its forms: source, compiled, and bundled in `dist`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// A bundle of ES modules has no `__dirname`.
export const ROOT = typeof __dirname === 'undefined' ? '' : join(__dirname, '..')

/** The version in package.json, or null when this code is part of a program's bundle and `ROOT` is not the folder of ferrohttp. */
export const VERSION = versionOf(join(ROOT, 'package.json'))

function versionOf(file: string): string | null {
  try {
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version: string }
    return name === 'ferrohttp' ? version : null
  } catch {
    return null
  }
}
