/** Puts members on a prototype with the shapes Node's have. */

/** Methods: enumerable, writable and configurable, as assignments in Node make them. */
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

/** Accessors: neither enumerable nor configurable. */
export function defineAccessors<T extends object>(
  prototype: T,
  accessors: Record<PropertyKey, Accessor> & ThisType<T>,
): void {
  Object.defineProperties(prototype, accessors)
}
