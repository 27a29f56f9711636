/** Reads the histograms of `crates/net/src/measure/histogram.rs`: sum, maximum, then the counts of their buckets, in microseconds. */
import { HISTOGRAM_HEADER as HEADER, HISTOGRAM_STEPS as STEPS } from '../../native/records.js'
import type { Times } from '../../types.js'

/** The largest value of a bucket. */
function upperBound(bucket: number): number {
  if (bucket < STEPS) return bucket
  const shift = Math.floor(bucket / STEPS) - 1
  return (STEPS + (bucket % STEPS) + 1) * 2 ** shift - 1
}

/** In milliseconds. */
export function timesOf(histogram: readonly number[]): Times {
  const [sum = 0, max = 0] = histogram
  const counts = histogram.slice(HEADER)
  const count = counts.reduce((total, one) => total + one, 0)
  const quantile = (q: number): number => {
    let left = Math.ceil(count * q)
    const bucket = counts.findIndex((one) => (left -= one) <= 0)
    return count === 0 ? 0 : Math.min(upperBound(bucket), max) / 1_000
  }
  return {
    count,
    mean: count === 0 ? 0 : sum / count / 1_000,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    p999: quantile(0.999),
    max: max / 1_000,
  }
}

/** How many values are at most `limits`, in seconds, and the sum of all in seconds. */
export function cumulated(
  histogram: readonly number[],
  limits: readonly number[],
): { counts: number[]; sum: number; count: number } {
  const counts = limits.map(() => 0)
  let count = 0
  for (const [bucket, one] of histogram.slice(HEADER).entries()) {
    count += one
    const value = upperBound(bucket) / 1e6
    for (const [index, limit] of limits.entries()) if (value <= limit) counts[index]! += one
  }
  return { counts, sum: (histogram[0] ?? 0) / 1e6, count }
}
