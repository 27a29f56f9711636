/**
 * Everything except the entry points. The build bundles it into one file, which is found, read and compiled in a third of the time
 * of seventy files.
 */

// The first module loads the addon: where the addon does not run, its error explains that, before another module fails. The next
// modules change or keep classes of Node, from which the others inherit.
import './internal/bridge/native.js'
import './internal/register/restored.js'
import './internal/handles/active-handles.js'
import './internal/handles/handle-passing.js'
import { inspectFromEnvironment } from './internal/extensions/inspect.js'

export {
  Agent,
  isForOwnRequest,
  globalAgent,
  kNaming,
  merged,
  setGlobalProxyFromEnv,
  type Agent as AgentInstance,
} from './agent.js'
export { ClientRequest, get, request } from './client.js'
export { METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } from './common.js'
export { createClient } from './internal/extensions/create-client.js'
export { IncomingMessage } from './incoming.js'
export { OutgoingMessage } from './outgoing.js'
export { ServerResponse } from './response.js'
export { connectionListener, createServer, onListening, Server } from './server.js'
export { answerInspection } from './internal/extensions/inspect.js'
export { families, openMetrics, type Family } from './internal/extensions/open-metrics.js'
export { stats } from './internal/extensions/stats.js'
export { finish } from './internal/register/in-place.js'
export { replacements } from './internal/register/replacements.js'

// For `https-core`, which is a bundle of its own and must have the same modules, not copies of them.
export { debug } from './internal/debug.js'
export { parseHandshakeResult, type HandshakeResult } from './internal/bridge/handshake-result.js'
export { defineMethods } from './internal/node-parity/define-members.js'
export { requestOptions } from './internal/client/options.js'
export { environment } from './internal/bridge/environment.js'
export {
  connectionReset,
  ERR_PROXY_TUNNEL,
  ERR_INVALID_ARG_TYPE,
  ERR_MULTIPLE_CALLBACK,
  ERR_SOCKET_CLOSED,
  ERR_TLS_ALPN_CALLBACK_INVALID_RESULT,
  ERR_TLS_HANDSHAKE_TIMEOUT,
  ERR_TLS_INVALID_STATE,
  ERR_TLS_SNI_FROM_SERVER,
  systemError,
} from './internal/errors.js'
export { secureGlobalAgent } from './internal/client/global-agents.js'
export { finishHttps } from './internal/register/node-https.js'
export { countAsInstances } from './internal/node-parity/instance-of.js'
export { ListenHandle } from './internal/server/listen-handle.js'
export {
  TlsClient,
  TlsServer,
  TlsSessions,
  TlsTrust,
  giveUpConnection,
  type ConnectTls,
  type NativeTlsClient,
  type NativeTlsSessions,
  type NativeTrust,
} from './internal/bridge/native.js'
export { serverName } from './internal/client/agent-sockets.js'
export { adoptNatively, connectNatively } from './internal/client/connect.js'
export { ClientSocket } from './internal/client/socket.js'
export type { SocketResource } from './internal/node-parity/async-resources.js'
export { notExempt, parseProxy } from './internal/client/proxy.js'
export { reparent } from './internal/server/reparenting.js'
export { beginServer, storeOptions } from './internal/server/settings.js'
export {
  kHello,
  kKeyLog,
  kListenScope,
  kMakeSocket,
  kPrepareTls,
  kSecured,
  kConnectionEvent,
  kTlsFailed,
} from './internal/symbols.js'
export { countCompatible, countCompatibleClient, secureClients, secureServers } from './internal/server/tls-counts.js'
export { validateFunction, validateInteger, validateObject, validateString } from './internal/validators.js'
export { kConnection } from './internal/socket/native-socket.js'
export { ConnectionSocket } from './internal/server/socket.js'

inspectFromEnvironment()
