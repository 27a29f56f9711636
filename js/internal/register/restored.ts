/** Restores Node's own members. Imported for this effect, before modules that read node:http while they are loaded. */
import { restore } from './in-place.js'

restore()

// The bundler treats a module without exports as CommonJS.
export {}
