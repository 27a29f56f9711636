/**
 * Makes objects what the constructors EventEmitter and Readable make them, without calling these. For each object Node's constructors
 * look up its prototype by a call into V8's runtime, and start with `{ __proto__: null }`, a dictionary in V8: for a request and its response
 * together 3 % of the CPU of a pipelined one.
 */
import EventEmitter from 'node:events'
import { Readable } from 'node:stream'

interface Emitter {
  _events: object
  _eventsCount: number
}

interface Stream {
  _events: object
  _readableState: object
  _construct?: unknown
}

interface StateOptions {
  highWaterMark: number
}

type Members = Record<PropertyKey, unknown>

// Node's types have neither `init` nor `ReadableState`.
const { init } = EventEmitter as unknown as { init: unknown }
const { ReadableState } = Readable as unknown as {
  ReadableState: new (options: StateOptions | undefined, stream: object, isDuplex: false) => object
}
const callEmitter = EventEmitter as unknown as (this: object) => void
const callReadable = Readable as unknown as (this: object, options: StateOptions | undefined) => void

const sample = new Readable() as unknown as Members
/** Whether an emitter keeps the names of removed listeners, as a Readable does. */
const kShapeMode = symbolOf('shapeMode')
const kCapture = symbolOf('kCapture')
/** What a new Readable of Node 20 to 26 has. Another Node.js, or one with the module `domain`, may make more of it: its constructors are called. */
const isKnown =
  typeof init === 'function' &&
  Reflect.ownKeys(sample).map(String).join() ===
    '_events,_readableState,_maxListeners,Symbol(shapeMode),Symbol(kCapture)'

function symbolOf(description: string): symbol {
  const found = Object.getOwnPropertySymbols(sample).find((symbol) => symbol.description === description)
  return found ?? Symbol(description)
}

/** Whether nobody, such as the module `domain`, has replaced what each new emitter runs. */
function isNodes(): boolean {
  return isKnown && (EventEmitter as unknown as { init: unknown }).init === init
}

/** Listeners by event. Inherits no member that could be taken for a listener. */
const Listeners = function Listeners() {} as unknown as new () => object
Listeners.prototype = Object.create(null)

/**
 * Does what the constructor EventEmitter does to a new object.
 *
 * @param keepsNames removed listeners leave their names in `_events`: for streams only, whose `eventNames()` does not list these.
 *   Deleting the first of several names makes the object a dictionary in V8, which costs a request of a client 6 to 8 % of its CPU.
 */
export function initEmitter(emitter: Emitter, keepsNames: boolean): void {
  if (!isNodes()) {
    callEmitter.call(emitter)
    return
  }
  emitter._events = new Listeners()
  emitter._eventsCount = 0
  setMembers(emitter as unknown as Members, keepsNames)
}

/** Does what the constructor Readable does to a new object. */
export function initReadable(stream: Stream, options: StateOptions | undefined): void {
  if (!isNodes() || (stream._construct ?? null) !== null) {
    callReadable.call(stream, options)
    return
  }
  stream._events = { close: undefined, error: undefined, data: undefined, end: undefined, readable: undefined }
  stream._readableState = new ReadableState(options, stream, false)
  setMembers(stream as unknown as Members, true)
}

function setMembers(members: Members, keepsNames: boolean): void {
  // A prototype of the program may have a number.
  members._maxListeners ||= undefined
  members[kShapeMode] = keepsNames
  members[kCapture] = (EventEmitter.prototype as unknown as Members)[kCapture]
}
