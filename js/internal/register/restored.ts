/** Restores Node's own members. Imported for this effect, before modules that read node:http while they are loaded. */
import { restore } from './in-place.js'

restore()

// For the bundler: a module without exports would be CommonJS to it.
export {}
