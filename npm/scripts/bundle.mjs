// Makes the files that are published: the entry points, and all the rest as one file. Node finds, reads and compiles one
// file in a third of the time that seventy take.
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rolldown } from 'rolldown'
import { ROOT } from './process.mjs'

const DIST = path.join(ROOT, 'dist')

/**
 * Bundles modules and what they import. Functions keep their names, which programs see, and exports are plain properties.
 *
 * @param input files by the names of their bundles. Modules that several of them import become `early.js`, so that each module exists once
 * @param others files of `dist` that are imported, and do not become part of the bundle
 */
async function bundle(input, others = []) {
  const built = await rolldown({
    cwd: ROOT,
    input,
    platform: 'node',
    external: [/^@ferrohttp\//, /^\.\/(index|https|doctor|run-apart|run-here)\.js$/, ...others],
  })
  await built.write({
    dir: DIST,
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => (name === 'rolldown-runtime' ? 'runtime.js' : 'early.js'),
    sourcemap: true,
    minify: false,
    comments: false,
  })
  await built.close()
}

/** The live page as one file, with its script, its style and the charts of uPlot. */
async function inspectionPage() {
  const read = (file) => readFile(path.join(ROOT, file), 'utf8')
  const [page, style, script, chartStyle, charts, license] = await Promise.all(
    [
      ...['js/page/page.html', 'js/page/page.css', 'js/page/page.js'],
      ...[
        'node_modules/uplot/dist/uPlot.min.css',
        'node_modules/uplot/dist/uPlot.iife.min.js',
        'node_modules/uplot/LICENSE',
      ],
    ].map(read),
  )
  return page
    .replace('/*STYLE*/', () => `${chartStyle}\n${style}`)
    .replace('/*SCRIPT*/', () => `/*\n${license}*/\n${charts}\n${script}`)
}

await rm(DIST, { recursive: true, force: true })
await bundle({ core: 'js/core.ts', register: 'js/register.ts' })
await bundle({ 'https-core': 'js/https-core.ts' }, [/\/core\.js$/])
await bundle({ metrics: 'js/metrics.ts', inspect: 'js/inspect.ts' }, [/\/core\.js$/])
await bundle({ bin: 'js/bin.ts' })
// Parts of the command that it loads when it needs them.
for (const name of ['doctor', 'run-apart', 'run-here']) await bundle({ [name]: `js/internal/command/${name}.ts` })
// Not bundled: a bundle has getters as exports, and programs replace members.
const COPIED = ['index.js', 'index.d.ts', 'https.js', 'https.d.ts', 'metrics.d.ts', 'inspect.d.ts', 'types.d.ts']
for (const name of COPIED) await copyFile(path.join(ROOT, 'build', name), path.join(DIST, name))
await writeFile(path.join(DIST, 'inspect.html'), await inspectionPage())
// The module exports nothing, and the declarations of `tsc` would name inner modules.
await writeFile(path.join(DIST, 'register.d.ts'), 'export {}\n')
await chmod(path.join(DIST, 'bin.js'), 0o755)
