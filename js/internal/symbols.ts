/** Private state that several modules, or subclasses in them, share. */
import http from 'node:http'
import net from 'node:net'

/** A symbol of node:http's objects, found by its description, or a symbol of ours when Node has renamed it. */
export function nodeSymbol(owner: object, description: string): symbol {
  return Object.getOwnPropertySymbols(owner).find((symbol) => symbol.description === description) ?? Symbol(description)
}

const nodeMessage = new http.OutgoingMessage()

/**
 * Node's internals read set headers by this symbol. An accessor on `OutgoingMessage.prototype` returns them.
 */
export const kOutHeaders: symbol = nodeSymbol(nodeMessage, 'kOutHeaders')

declare const asyncIdKey: unique symbol
/** The async id of a socket, -1 for none. Node's symbol: the socket's later operations are triggered by that resource. */
export const kAsyncId: typeof asyncIdKey = nodeSymbol(new net.Socket(), 'async_id_symbol') as typeof asyncIdKey

declare const highWaterMarkKey: unique symbol
/** Of an outgoing message while it has no transport. Node's symbol, so that Node's internals can read it. */
export const kHighWaterMark: typeof highWaterMarkKey = nodeSymbol(
  nodeMessage,
  'kHighWaterMark',
) as typeof highWaterMarkKey

/** Data for the performance entry of a message, or null; see `node-parity/performance-entries.ts`. */
export const kMeasured = Symbol('ferrohttp.measured')
/** The transport of a message, or null. */
export const kTransport = Symbol('ferrohttp.transport')
/** The socket set by `assignSocket` or the `socket` setter, or null. */
export const kSocket = Symbol('ferrohttp.socket')
/** Set fields, as a FieldList of `message/head.ts`, or null. */
export const kFields = Symbol('ferrohttp.fields')
/** Bits of an outgoing message's private state. */
export const kState = Symbol('ferrohttp.state')
/** Lower-case names of fields that are sent joined (option `uniqueHeaders`): a Set, or null. Set by the server. */
export const kUniqueHeaders = Symbol('ferrohttp.uniqueHeaders')

/** Releases a request after its response has been sent. See `IncomingMessage`. */
export const kRelease = Symbol('ferrohttp.release')

/** The source of an incoming message on a native connection. Null for one that a program has made from a socket, or from nothing. */
export const kSource = Symbol('ferrohttp.source')

/** Methods of a server that its connections call. They are symbols, because subclasses may use any name. */
export const kOpened = Symbol('ferrohttp.opened')
export const kClosed = Symbol('ferrohttp.closed')
/** The connections of a server that are ending, see `EndingConnections`. */
export const kEnding = Symbol('ferrohttp.ending')
/** The probes of a server's health, or null. */
export const kHealth = Symbol('ferrohttp.health')
/** The event that shows a connection to programs: 'connection', or 'secureConnection' for a server with TLS. */
export const kConnectionEvent = Symbol('ferrohttp.connectionEvent')
/** Returns the TLS with which the server listens on an I/O thread, null when node:tls is needed. Servers of plain HTTP have no such member. */
export const kPrepareTls = Symbol('ferrohttp.prepareTls')
/** Shows a connection whose handshake is complete to the program. */
export const kSecured = Symbol('ferrohttp.secured')
/** Asks the program of a server about a client that has sent its ClientHello. */
export const kHello = Symbol('ferrohttp.hello')
/** Emits 'keylog' of a connection with TLS. */
export const kKeyLog = Symbol('ferrohttp.keyLog')
/** Reports that a connection's TLS has failed. */
export const kTlsFailed = Symbol('ferrohttp.tlsFailed')
/** Makes the socket of a connection with TLS. */
export const kMakeSocket = Symbol('ferrohttp.makeSocket')
/** The async context of `listen()`, in which all events of peers are emitted. */
export const kListenScope = Symbol('ferrohttp.listenScope')
/** Reports that a server begins or stops to refuse requests. */
export const kOverload = Symbol('ferrohttp.overload')
export const kOverloads = Symbol('ferrohttp.overloads')
/** A connection beyond `maxConnections` was refused. */
export const kDropped = Symbol('ferrohttp.dropped')
/** Applies the server's settings to a new response. */
export const kPrepare = Symbol('ferrohttp.prepare')
/** Serves one request. */
export const kDispatch = Symbol('ferrohttp.dispatch')
/** The options for ServerResponse's constructor. */
export const kResponseOptions = Symbol('ferrohttp.responseOptions')
/** The classes of the server's messages. */
export const kIncomingMessage = Symbol('ferrohttp.incomingMessage')
export const kServerResponse = Symbol('ferrohttp.serverResponse')
