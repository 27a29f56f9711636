/**
 * The object that holds an emitter's listeners, made before Node's own constructor, which keeps an existing one. Node's
 * constructor would make `{ __proto__: null }`, a dictionary in V8, which takes longer to make than all other fields together.
 */

interface Emitter {
  _events: object
  _eventsCount: number
}

/** Listeners by event. Inherits no member that could be taken for a listener. */
const Listeners = function Listeners() {} as unknown as new () => object
Listeners.prototype = Object.create(null)

/** For an emitter whose constructor would start with an empty object without prototype. */
export function prepareListeners(emitter: Emitter): void {
  emitter._events = new Listeners()
  emitter._eventsCount = 0
}
