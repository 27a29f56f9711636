/** Classes of ours that stand for classes of node:http without inheriting from them. */

type Class = abstract new (...args: never[]) => object

const ordinaryHasInstance = Function.prototype[Symbol.hasInstance]

/**
 * Makes `instanceof` true both ways: for objects of ours with Node's class, which programs took from node:http, and for
 * objects of Node's with ours. Subclasses of either keep the ordinary meaning, and a second copy of this package extends
 * the first one's answer.
 */
export function countAsInstances(ours: { readonly prototype: object }, nodes: Class): void {
  tell(ours, nodes.prototype, ordinaryHasInstance)
  tell(nodes, ours.prototype, nodes[Symbol.hasInstance])
}

/** Whether what stands on the right of `instanceof` is `owner`, perhaps behind a proxy, and no subclass of it. */
export function isItself(right: unknown, owner: { readonly prototype: object }): boolean {
  return right === owner || (right as { prototype?: unknown } | undefined)?.prototype === owner.prototype
}

type HasInstance = (this: () => void, value: unknown) => boolean

function tell(owner: { readonly prototype: object }, other: object, previous: HasInstance): void {
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
