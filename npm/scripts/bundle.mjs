// Makes the files that are published: the entry points, and all the rest as one file. One file is found, read and compiled in
// a third of the time that seventy take.
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rolldown } from 'rolldown'
import { ROOT } from './process.mjs'

const DIST = path.join(ROOT, 'dist')

/**
 * Functions keep their names, which programs see, and exports are plain properties. What several entries import becomes a
 * file of its own: there is one of each module.
 */
async function bundle(...names) {
  const built = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(names.map((name) => [name, `js/${name}.ts`])),
    platform: 'node',
    external: [/^@ferrohttp\//, /index\.js$/],
  })
  await built.write({
    dir: DIST,
    format: 'cjs',
    chunkFileNames: '[name].js',
    // What the register module needs at once, and all the rest shares with it.
    codeSplitting: { groups: [{ name: 'early', test: /./, minShareCount: 2 }] },
    sourcemap: true,
    minify: false,
    comments: false,
  })
  await built.close()
}

await rm(DIST, { recursive: true, force: true })
await bundle('core', 'register')
await bundle('bin')
// A bundler would give it getters for exports. Programs replace its members.
const COPIED = ['index.js', 'index.d.ts', 'types.d.ts']
for (const name of COPIED) await copyFile(path.join(ROOT, 'build', name), path.join(DIST, name))
// Nothing to import, and the declarations of `tsc` would name inner modules.
await writeFile(path.join(DIST, 'register.d.ts'), 'export {}\n')
await chmod(path.join(DIST, 'bin.js'), 0o755)
