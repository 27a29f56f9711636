// Two cores, one for the server and one for the load, so that neither takes the other's time.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const SERVER_CORE = '0'
const LOAD_CORE = '1'

/** False on one core or without util-linux's taskset: the figures then say less, and the report says so. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** @param {string[]} command */
export const onServerCore = (command) => (pinned ? ['taskset', '-c', SERVER_CORE, ...command] : command)
/** @param {string[]} command */
export const onLoadCore = (command) => (pinned ? ['taskset', '-c', LOAD_CORE, ...command] : command)
