'use strict'
// Files to serve: the same names, sizes and times wherever the directory is.
const fs = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')

const TIME = new Date('2024-05-06T07:08:09Z')

const FILES = {
  'public/index.html': '<!doctype html><title>index</title>\n',
  'public/large.txt': Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join(''),
  'public/empty.css': '',
  'public/folder/index.html': '<!doctype html><title>folder</title>\n',
  'public/.hidden': 'hidden',
}

/** @returns {Promise<{ directory: string, remove: () => Promise<void> }>} */
async function site() {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'ferrohttp-site-'))
  for (const [name, content] of Object.entries(FILES)) {
    const file = path.join(directory, name)
    await fs.mkdir(path.dirname(file), { recursive: true })
    await fs.writeFile(file, content)
    await fs.utimes(file, TIME, TIME)
  }
  return { directory, remove: () => fs.rm(directory, { recursive: true, force: true }) }
}

module.exports = { site, TIME }
