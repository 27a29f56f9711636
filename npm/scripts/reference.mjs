// Writes the API reference into `docs/reference/site`. A public export without a doc comment, or a link that leads nowhere, is an error.
import path from 'node:path'
import { installDependencies } from './dependencies.mjs'
import { ROOT, run, script } from './process.mjs'

const FOLDER = 'docs/reference'

await script(() => {
  // typedoc supports older versions of TypeScript than the one that compiles ferrohttp, so the folder has its own.
  installDependencies(FOLDER)
  const typedoc = path.join(ROOT, FOLDER, 'node_modules/typedoc/bin/typedoc')
  run(process.execPath, [typedoc, '--options', path.join(FOLDER, 'typedoc.json'), '--logLevel', 'Warn'])
})
