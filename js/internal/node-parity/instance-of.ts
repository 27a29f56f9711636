/** `instanceof` between our classes and those of node:http that they stand for without inheriting from them. */

type Class = abstract new (...args: never[]) => object

const ordinaryHasInstance = Function.prototype[Symbol.hasInstance]

/**
 * Makes `instanceof` true in both directions: for our objects with Node's class, and for Node's objects with ours. Subclasses of
 * either keep the ordinary meaning. A second copy of this package extends the answer of the first.
 */
export function countAsInstances(ours: { readonly prototype: object }, nodes: Class): void {
  answerFor(ours, nodes.prototype, ordinaryHasInstance)
  answerFor(nodes, ours.prototype, nodes[Symbol.hasInstance])
}

/** @returns whether the right side of `instanceof` is `owner` itself, or a proxy of it, and not a subclass */
export function isItself(right: unknown, owner: { readonly prototype: object }): boolean {
  return right === owner || (right as { prototype?: unknown } | undefined)?.prototype === owner.prototype
}

type HasInstance = (this: () => void, value: unknown) => boolean

function answerFor(owner: { readonly prototype: object }, other: object, previous: HasInstance): void {
  Object.defineProperty(owner, Symbol.hasInstance, {
    configurable: true,
    value: function hasInstance(this: unknown, value: unknown): boolean {
      return (
        previous.call(this as () => void, value) ||
        (isItself(this, owner) && Object.prototype.isPrototypeOf.call(other, value as object))
      )
    },
  })
}
