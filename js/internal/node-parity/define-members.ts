/** Defines members of a prototype with the attributes that Node's have. */

/** Defines methods: enumerable, writable and configurable, as by assignment in Node. */
export function defineMethods<T extends object>(
  prototype: T,
  methods: Record<PropertyKey, (this: T, ...args: never[]) => unknown> & ThisType<T>,
): void {
  Object.assign(prototype, methods)
}

interface Accessor {
  get(): unknown
  set?(value: never): void
}

/** Defines accessors: neither enumerable nor configurable. */
export function defineAccessors<T extends object>(
  prototype: T,
  accessors: Record<PropertyKey, Accessor> & ThisType<T>,
): void {
  Object.defineProperties(prototype, accessors)
}
