/** Where the package is. This file is one level below its root, as source, as it is compiled, and within a bundle in `dist`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(__dirname, '..')

/** The version of the package, as package.json says. */
export const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
