/**
 * Some frameworks give every request and response a prototype of their own (Express: `app.request`, `app.response`). These
 * prototypes inherit from node:http's classes, so a message of ours would lose its members. This module makes them inherit from
 * ours. They may serve a server of node:http in the same process, too, so members in between check which class the message has.
 */
import http from 'node:http'
import module from 'node:module'

import { IncomingMessage } from '../../incoming.js'
import { OutgoingMessage } from '../../outgoing.js'
import { ServerResponse } from '../../response.js'
import { kSource, kState } from '../symbols.js'

/** A class of node:http and our class for it. */
interface Family {
  readonly node: object
  readonly ours: object
  /** The prototypes with its members, except those of streams and emitters, which both classes share. */
  readonly levels: readonly object[]
  /** A symbol that every message of ours has, and no other. */
  readonly mark: symbol
  /** The object from which frameworks' prototypes inherit; null until the first one is found. */
  between: object | null
}

// Read while node:http has its own classes, before the register module replaces them.
const FAMILIES: readonly Family[] = [
  {
    node: http.IncomingMessage.prototype,
    ours: IncomingMessage.prototype,
    levels: [http.IncomingMessage.prototype, IncomingMessage.prototype],
    mark: kSource,
    between: null,
  },
  {
    node: http.ServerResponse.prototype,
    ours: ServerResponse.prototype,
    levels: [
      http.OutgoingMessage.prototype,
      http.ServerResponse.prototype,
      OutgoingMessage.prototype,
      ServerResponse.prototype,
    ],
    mark: kState,
    between: null,
  },
]

/** Modules that have been searched. */
const seen = new WeakSet<NodeJS.Module>()

/** Makes the prototypes that an application will set on messages inherit from ours. */
export function reparent(application: unknown): void {
  if (typeof application !== 'function') return
  // The prototypes are among its properties. Getters are not called.
  for (const { value } of Object.values(Object.getOwnPropertyDescriptors(application))) {
    if (typeof value !== 'object' || value === null) continue
    for (const family of FAMILIES) {
      const below = belowNode(value, family)
      if (below !== null) Object.setPrototypeOf(below, (family.between ??= inBetween(family)))
    }
  }
}

/**
 * The same for the exports of CommonJS modules: an application that is called by another function cannot be found, but its
 * framework can.
 */
export function reparentLoaded(): void {
  for (const loaded of Object.values((module as unknown as { _cache: NodeJS.Dict<NodeJS.Module> })._cache)) {
    if (loaded === undefined || seen.has(loaded)) continue
    if (loaded.loaded) seen.add(loaded)
    reparent(loaded.exports)
  }
}

/** The object of a chain that inherits from node:http's prototype directly. Null if there is none, or if ours precedes it. */
function belowNode(start: object, { node, ours }: Family): object | null {
  let below: object | null = start
  while (below !== null && below !== ours) {
    const above: object | null = Object.getPrototypeOf(below)
    if (above === node) return below
    below = above
  }
  return null
}

/** An object that inherits from ours, and gives messages of node:http their own members. */
function inBetween({ node, ours, levels, mark }: Family): object {
  const between = Object.create(ours) as object
  for (const name of new Set(levels.flatMap(Reflect.ownKeys))) {
    if (name === 'constructor') continue
    const [theirs, own] = [find(node, name), find(ours, name)]
    if (theirs?.get !== undefined || own?.get !== undefined) {
      Object.defineProperty(between, name, accessor(name, theirs, own, mark))
    } else if (typeof (theirs ?? own)?.value === 'function') {
      Object.defineProperty(between, name, method(name, node, ours, mark))
    }
  }
  return between
}

function find(prototype: object, name: PropertyKey): PropertyDescriptor | undefined {
  for (let level: object | null = prototype; level !== null; level = Object.getPrototypeOf(level)) {
    const found = Object.getOwnPropertyDescriptor(level, name)
    if (found !== undefined) return found
  }
  return undefined
}

type Message = Record<PropertyKey, unknown>
type Prototype = Record<PropertyKey, (...args: unknown[]) => unknown>

/** Looks the method up with every call: tools replace methods of either side while programs run. */
function method(name: PropertyKey, node: object, ours: object, mark: symbol): PropertyDescriptor {
  const value = function (this: Message, ...args: unknown[]): unknown {
    return ((this[mark] === undefined ? node : ours) as Prototype)[name]!.apply(this, args)
  }
  return { value, writable: true, enumerable: true, configurable: true }
}

function accessor(
  name: PropertyKey,
  theirs: PropertyDescriptor | undefined,
  own: PropertyDescriptor | undefined,
  mark: symbol,
): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: (own ?? theirs)!.enumerable === true,
    get(this: Message): unknown {
      const side = this[mark] === undefined ? theirs : own
      return side?.get === undefined ? side?.value : side.get.call(this)
    },
    set(this: Message, value: unknown): void {
      const side = this[mark] === undefined ? theirs : own
      if (side?.set !== undefined) side.set.call(this, value)
      // A member without an accessor becomes a property of the message, as without an object in between.
      else if (side?.get === undefined)
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
    },
  }
}
