// The layers of js/, as docs/ARCHITECTURE.md draws them: a module imports from its own layer and lower ones. Biome's noImportCycles
// forbids circles within a layer. Types may be imported from anywhere, because such imports do not exist at run time.
const test = require('ava')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '../../js')

/** From the top down. The names are modules of js/internal, or those of js/ with a leading slash; `*` is any module of a folder. */
const LAYERS = {
  'entry points': '/index /https /register /bin',
  assembly: `/core /https-server /https-client /https-agent /https-core /secure-socket replacements
    https-tunnel road-change tls-errors tls-options`,
  'servers and agents': '/server /agent /client /create-client /stats',
  'sockets and connections': `/native-socket /server-socket /client-socket http-connection connection request-reader response-writer
    native-client native-connect request-writer stream-client stream-port stream-connections plain-socket pool pool-liveness adopter
    listen-handle listening-handle active-handles handle-passing drain server-settings`,
  messages: `/incoming /outgoing /response outgoing-state output-queue head field-views render-head writing sending turn-parts
    stream-writer stream-transport exchange reparenting`,
  'the crossing': `environment record-writer inbound phase native-receiver transport port client-connection body-window pending-writes
    plain-write agent-sockets`,
  helpers: `/common abort-signal client-options connections-check date debug default-answer define-members drain-on-signal errors
    global-agents handle-close headers http2-servers https-in-place in-place inner-modules instance-of isolated-callbacks joined-parts
    listen-options listener-storage node-servers originals performance-entries permission process-end proxy request-scopes resources
     response-error restored stand-ins symbols emit-connect timers tls-counts trace-events validators when-used command/*`,
  'the addon': '/root /types native coded-error installation-errors variables addon/* /native/*',
}

const layers = Object.entries(LAYERS).map(([layer, names]) => ({
  layer,
  files: names.split(/\s+/).map((name) => (name.startsWith('/') ? name.slice(1) : `internal/${name}`)),
}))

/** The position of a module's layer, 0 for the highest, or -1. */
const layerOf = (module) =>
  layers.findIndex(({ files }) => files.includes(module) || files.includes(`${path.posix.dirname(module)}/*`))

/** The modules that a source text imports when it runs. */
function imported(text) {
  const from = /^(?:import|export)\s(?!type\s)[^;'"]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'/gm
  return [...text.matchAll(from)].map(([, named, bare]) => named ?? bare)
}

const modules = fs
  .readdirSync(ROOT, { recursive: true })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => file.replaceAll(path.sep, '/').slice(0, -3))

test('every module has a layer', (t) => {
  t.deepEqual(
    modules.filter((module) => layerOf(module) === -1),
    [],
  )
  const exact = layers.flatMap(({ files }) => files).filter((file) => !file.endsWith('*'))
  t.deepEqual(
    exact.filter((file) => !modules.includes(file)),
    [],
    'modules that do not exist',
  )
})

test('modules import from their own layer and lower ones', (t) => {
  for (const module of modules) {
    for (const specifier of imported(fs.readFileSync(path.join(ROOT, `${module}.ts`), 'utf8'))) {
      const target = path.posix.join(path.posix.dirname(module), specifier.replace(/\.js$/, ''))
      t.true(layerOf(target) >= layerOf(module), `${module} imports ${target}`)
    }
  }
})

test('imports are found in all their forms', (t) => {
  const text = `import './a.js'
import b from './b.js'
import {
  c,
  type D,
} from './c.js'
import type { E } from './e.js'
export { f } from './f.js'
export type { G } from './g.js'
import net from 'node:net'
`
  t.deepEqual(imported(text), ['./a.js', './b.js', './c.js', './f.js'])
})
