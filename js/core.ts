/**
 * Everything except the entry points. The build bundles it into one file, which is found, read and compiled in a third of the time
 * of seventy files.
 */

// First: where the addon does not run, its own error explains that, before a later module fails. The next modules change or keep
// classes of Node, from which the others inherit.
import './internal/native.js'
import './internal/restored.js'
import './internal/active-handles.js'
import './internal/handle-passing.js'

export { Agent, globalAgent, setGlobalProxyFromEnv, type Agent as AgentInstance } from './agent.js'
export { ClientRequest, get, request } from './client.js'
export { METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } from './common.js'
export { createClient } from './create-client.js'
export { IncomingMessage } from './incoming.js'
export { OutgoingMessage } from './outgoing.js'
export { ServerResponse } from './response.js'
export { connectionListener, createServer, onListening, Server } from './server.js'
export { stats } from './stats.js'
export { finish } from './internal/in-place.js'
export { replacements } from './internal/replacements.js'

// For `https-core`, which is a bundle of its own and must have the same modules, not copies of them.
export { debug } from './internal/debug.js'
export { defineMethods } from './internal/define-members.js'
export { requestOptions } from './internal/client-options.js'
export { environment } from './internal/environment.js'
export {
  connectionReset,
  ERR_PROXY_TUNNEL,
  ERR_TLS_HANDSHAKE_TIMEOUT,
  ERR_TLS_INVALID_STATE,
  ERR_TLS_SNI_FROM_SERVER,
} from './internal/errors.js'
export { secureGlobalAgent } from './internal/global-agents.js'
export { finishHttps } from './internal/https-in-place.js'
export { countAsInstances } from './internal/instance-of.js'
export { ListenHandle } from './internal/listen-handle.js'
export { TlsServer } from './internal/native.js'
export { notExempt, parseProxy } from './internal/proxy.js'
export { reparent } from './internal/reparenting.js'
export { beginServer, storeOptions } from './internal/server-settings.js'
export { kListenScope, kMakeSocket, kPrepareTls, kShownBy, kTlsFailed } from './internal/symbols.js'
export { countCompatible, secureServers } from './internal/tls-counts.js'
export { validateInteger, validateObject, validateString } from './internal/validators.js'
export { kConnection } from './native-socket.js'
export { ConnectionSocket } from './server-socket.js'
