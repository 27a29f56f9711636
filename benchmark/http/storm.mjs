// The load of a storm: all connections at once, again and again.
import { LoadProgram } from './load-program.mjs'

export const INSTALL = ''

export const isThere = () => true

/** As `load` of load.mjs. The last storm is completed. */
export async function load(port, { path, connections, answer }, milliseconds) {
  const client = new LoadProgram('storm-client.mjs', [port, path, connections, milliseconds, answer.body])
  const figures = await client.report()
  await client.release()
  return figures
}
