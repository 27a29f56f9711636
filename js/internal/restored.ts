/** To be imported for its effect, before what looks at node:http while it is loaded. */
import { restore } from './in-place.js'

restore()

// For the bundler: a module without exports would be CommonJS to it.
export {}
