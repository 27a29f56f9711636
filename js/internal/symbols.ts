/** Private state that several modules, or subclasses in them, share. */
import http from 'node:http'
import net from 'node:net'

/** Own symbols of node:http's objects, found by description; ours when Node has renamed one. */
export function nodeSymbol(owner: object, description: string): symbol {
  return Object.getOwnPropertySymbols(owner).find((symbol) => symbol.description === description) ?? Symbol(description)
}

const nodeMessage = new http.OutgoingMessage()

/**
 * Node keeps set headers under this symbol and hands it to internal consumers (`internal/http`); an accessor on
 * `OutgoingMessage.prototype` answers them.
 */
export const kOutHeaders: symbol = nodeSymbol(nodeMessage, 'kOutHeaders')

declare const asyncIdKey: unique symbol
/** The async id of a socket, -1 for none; Node's symbol: what a socket does later is triggered by that resource. */
export const kAsyncId: typeof asyncIdKey = nodeSymbol(new net.Socket(), 'async_id_symbol') as typeof asyncIdKey

declare const highWaterMarkKey: unique symbol
/** Of an outgoing message while it has no transport; Node's symbol, so that Node's internals read ours too. */
export const kHighWaterMark: typeof highWaterMarkKey = nodeSymbol(
  nodeMessage,
  'kHighWaterMark',
) as typeof highWaterMarkKey

/** What a PerformanceObserver is to be told of a message, or null; see `performance-entries.ts`. */
export const kMeasured = Symbol('ferrohttp.measured')
/** The transport a message is attached to, or null. */
export const kTransport = Symbol('ferrohttp.transport')
/** The socket given through `assignSocket` or the `socket` setter, or null. */
export const kSocket = Symbol('ferrohttp.socket')
/** Set fields, as an `internal/head.ts` FieldList, or null. */
export const kFields = Symbol('ferrohttp.fields')
/** Bits of an outgoing message's private state. */
export const kState = Symbol('ferrohttp.state')
/** Lower-case names that go out as one joined field (`uniqueHeaders` option): a Set, or null. Set by the server. */
export const kUniqueHeaders = Symbol('ferrohttp.uniqueHeaders')

/** Lets a request go once its response has been sent. See `IncomingMessage`. */
export const kRelease = Symbol('ferrohttp.release')

/** Where an incoming message's bytes come from on the native road; null for one made from a socket, or from nothing. */
export const kSource = Symbol('ferrohttp.source')

/** What a server is told of its native connections, and asked by all: not by name, which subclasses may use. */
export const kOpened = Symbol('ferrohttp.opened')
export const kClosed = Symbol('ferrohttp.closed')
/** The async context of `listen()`, which is that of all that peers do. */
export const kListenScope = Symbol('ferrohttp.listenScope')
/** A connection beyond `maxConnections` was turned away. */
export const kDropped = Symbol('ferrohttp.dropped')
/** Gives a fresh response what the server's settings say. */
export const kPrepare = Symbol('ferrohttp.prepare')
/** Serves one request. */
export const kDispatch = Symbol('ferrohttp.dispatch')
/** What ServerResponse's constructor is given. */
export const kResponseOptions = Symbol('ferrohttp.responseOptions')
/** The classes of its messages. */
export const kIncomingMessage = Symbol('ferrohttp.incomingMessage')
export const kServerResponse = Symbol('ferrohttp.serverResponse')
