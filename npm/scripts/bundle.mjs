// Makes the files that are published: the entry points, and all the rest as one file. One file is found, read and compiled in
// a third of the time that seventy take.
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rolldown } from 'rolldown'
import { ROOT } from './process.mjs'

const DIST = path.join(ROOT, 'dist')

/**
 * The entries, and what they load when they need it. Functions keep their names, which programs see, and exports are plain
 * properties. What several of them import becomes a file of its own: there is one of each module.
 */
const ENTRIES = {
  core: 'js/core.ts',
  register: 'js/register.ts',
  bin: 'js/bin.ts',
  doctor: 'js/internal/command/doctor.ts',
  'run-apart': 'js/internal/command/run-apart.ts',
  'run-here': 'js/internal/command/run-here.ts',
}

await rm(DIST, { recursive: true, force: true })
const bundle = await rolldown({
  cwd: ROOT,
  input: ENTRIES,
  platform: 'node',
  external: [/^@ferrohttp\//, /^\.\/(index|doctor|run-apart|run-here)\.js$/],
})
await bundle.write({
  dir: DIST,
  format: 'cjs',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  codeSplitting: { groups: [{ name: 'early', test: /./, minShareCount: 2 }] },
  sourcemap: true,
  minify: false,
  comments: false,
})
await bundle.close()
// A bundler would give it getters for exports. Programs replace its members.
const COPIED = ['index.js', 'index.d.ts', 'types.d.ts']
for (const name of COPIED) await copyFile(path.join(ROOT, 'build', name), path.join(DIST, name))
// Nothing to import, and the declarations of `tsc` would name inner modules.
await writeFile(path.join(DIST, 'register.d.ts'), 'export {}\n')
await chmod(path.join(DIST, 'bin.js'), 0o755)
