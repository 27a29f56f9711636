/** Methods of Node's sockets as they were when this module was loaded. */
import { connect, createConnection, Socket } from 'node:net'

export const netConnect = connect
export const netCreateConnection = createConnection
export const socketConnect = Socket.prototype.connect
