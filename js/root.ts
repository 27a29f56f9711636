/** The folder of the package. This file is one level below it in all its forms: source, compiled, and bundled in `dist`. */
import { readFileSync } from 'node:fs'
import { dirname, sep } from 'node:path'

// A bundle of ES modules has no `__dirname`. Not by `join`: Node looks at each character of a path that it joins or resolves, and after
// some hundreds V8 compiles that code, which takes 2 MB of memory before the program begins.
export const ROOT = typeof __dirname === 'undefined' ? '' : dirname(__dirname)

/** The version in package.json, or null when this code is part of a program's bundle and `ROOT` is not the folder of ferrohttp. */
export const VERSION = versionOf(`${ROOT}${sep}package.json`)

function versionOf(file: string): string | null {
  try {
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version: string }
    return name === 'ferrohttp' ? version : null
  } catch {
    return null
  }
}
