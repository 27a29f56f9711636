// The CPU time and memory of a process, from /proc (Linux).
import { readdirSync, readFileSync } from 'node:fs'

/**
 * @param {number} pid
 * @returns {{ cpu: number, mainThreadCpu: number }} nanoseconds on a CPU, user and system, of all threads and of the main one.
 *   From schedstat, whose unit is the nanosecond; /proc/PID/stat counts in ticks of 10 ms. Threads that have ended are not
 *   in it: none of the servers ends threads while it is measured.
 */
export function cpuUsage(pid) {
  let cpu = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) cpu += threadCpu(pid, thread)
  return { cpu, mainThreadCpu: threadCpu(pid, pid) }
}

/**
 * @param {number[]} pids
 * @returns {{ cpu: number, mainThreadCpu: number }} as `cpuUsage`, of all of these processes together
 */
export function cpuUsageOfAll(pids) {
  const each = pids.map(cpuUsage)
  const sum = (name) => each.reduce((total, usage) => total + usage[name], 0)
  return { cpu: sum('cpu'), mainThreadCpu: sum('mainThreadCpu') }
}

function threadCpu(pid, thread) {
  return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0])
}

/** @returns {number} resident bytes */
export function residentBytes(pid) {
  return field(pid, 'VmRSS')
}

/** @returns {number} the most resident bytes since the start or the last `resetPeak` */
export function peakResidentBytes(pid) {
  return field(pid, 'VmHWM')
}

function field(pid, name) {
  const kib = readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'))?.[1]
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${name}`)
  return Number(kib) * 1024
}
