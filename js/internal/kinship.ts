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

function tell(owner: object, other: object, previous: (this: () => void, value: unknown) => boolean): void {
  Object.defineProperty(owner, Symbol.hasInstance, {
    configurable: true,
    value: function hasInstance(this: unknown, value: unknown): boolean {
      return (
        previous.call(this as () => void, value) ||
        (this === owner && Object.prototype.isPrototypeOf.call(other, value as object))
      )
    },
  })
}
