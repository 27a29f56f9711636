// Two cores: one for the process that is measured, and one for its peer, so that neither takes the other's time.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const MEASURED_CORE = '0'
const OTHER_CORE = '1'

/** False on one core or without util-linux's taskset. The figures are less exact then, which the report mentions. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** @param {string[]} command */
export const onMeasuredCore = (command) => (pinned ? ['taskset', '-c', MEASURED_CORE, ...command] : command)
/** @param {string[]} command */
export const onOtherCore = (command) => (pinned ? ['taskset', '-c', OTHER_CORE, ...command] : command)
