// The live page: requests the result of `stats()` every second, and draws the differences.
/* global uPlot */
const SECONDS = 120
const STEPS = 16
const COLOURS = ['#3b82f6', '#f59e0b', '#ef4444', '#10b981', '#a855f7']

/** As `upperBound` of js/internal/extensions/histogram.ts, in milliseconds. */
function upperBound(bucket) {
  if (bucket < STEPS) return bucket / 1000
  return ((STEPS + (bucket % STEPS) + 1) * 2 ** (Math.floor(bucket / STEPS) - 1) - 1) / 1000
}

/** A quantile of the times that were added between two histograms; null if there are none. */
function quantile(before, now, q) {
  const added = now.slice(2).map((count, bucket) => count - (before[bucket + 2] ?? 0))
  let left = Math.ceil(added.reduce((sum, one) => sum + one, 0) * q)
  return left === 0 ? null : upperBound(added.findIndex((count) => (left -= count) <= 0))
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name)

function chart(id, names) {
  const place = document.getElementById(id)
  const data = [[], ...names.map(() => [])]
  const axis = () => ({ stroke: () => style('--dim'), grid: { stroke: () => style('--line') }, ticks: { show: false } })
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: 180,
      cursor: { drag: { x: false } },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(max ?? 0, 1) * 1.1] } },
      axes: [axis(), { ...axis(), size: 55 }],
      series: [{}, ...names.map((label, i) => ({ label, stroke: COLOURS[i % COLOURS.length], width: 1.5 }))],
    },
    data,
    place,
  )
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 180 })).observe(place)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw())
  return (time, values) => {
    data[0].push(time)
    for (const [i, value] of values.entries()) data[i + 1].push(value)
    if (data[0].length > SECONDS) for (const line of data) line.shift()
    plot.setData(data)
  }
}

function table(id, rows) {
  const body = document.createElement('tbody')
  for (const [name, value] of rows.length > 0 ? rows : [['none', '']]) {
    const row = body.insertRow()
    const head = document.createElement('th')
    head.textContent = name
    row.append(head)
    row.insertCell().textContent = value
  }
  document.getElementById(id).replaceChildren(body)
}

const QUANTILES = { '50 %': 0.5, '90 %': 0.9, '99 %': 0.99 }
const draw = {
  rate: chart('rate', ['served', 'refused']),
  request: chart('request', Object.keys(QUANTILES)),
  queueDelay: chart('queueDelay', Object.keys(QUANTILES)),
}
let drawThreads
/** What was shown last, of the same process. */
let last

/** Whether `now` is of another process than `then`. In a container each process has the same pid. */
const hasRestarted = (then, now) => now.pid !== then.pid || now.time < then.time

function show(now) {
  const { stats } = now
  if (last !== undefined && hasRestarted(last, now)) {
    last = undefined
    drawThreads = undefined
    document.getElementById('threads').replaceChildren()
  }
  document.getElementById('process').textContent = `pid ${now.pid}, Node ${now.node}`
  document.getElementById('state').textContent = 'live'
  const states = Object.entries(stats.server.states).map(([name, count]) => [`server, ${name}`, count])
  const clients = Object.entries(stats.client.states).map(([name, count]) => [`client, ${name}`, count])
  table(
    'connections',
    [...states, ...clients].filter(([, count]) => count > 0),
  )
  table(
    'pools',
    Object.entries(stats.agents.origins).map(([name, { sockets, freeSockets, requests }]) => [
      name,
      `${sockets} in use, ${freeSockets} idle, ${requests} waiting`,
    ]),
  )
  const named = (prefix, counts) => Object.entries(counts).map(([name, count]) => [`${prefix}: ${name}`, count])
  table('errors', [
    ...named('server', stats.server.errors),
    ...named('client', stats.client.errors),
    ...named('timeout', stats.timeouts).filter(([, count]) => count > 0),
  ])
  if (last !== undefined) {
    const seconds = (now.time - last.time) / 1000
    const grew = (read) => read(stats) - read(last.stats)
    const rate = (read) => grew(read) / seconds
    const time = Date.now() / 1000
    draw.rate(time, [rate(({ requests }) => requests.served), rate(({ requests }) => requests.refused)])
    for (const [name, at] of [
      ['queueDelay', 0],
      ['request', 2],
    ]) {
      draw[name](
        time,
        Object.values(QUANTILES).map((q) => quantile(last.times[at], now.times[at], q)),
      )
    }
    drawThreads ??= chart('threads', ['JavaScript', ...stats.threads.map((_, i) => `I/O ${i}`)])
    const percent = (used) => (used / (now.time - last.time)) * 100
    drawThreads(time, [
      percent(now.active - last.active),
      ...stats.threads.map(({ cpu }, i) => (cpu === null ? null : percent(cpu - (last.stats.threads[i]?.cpu ?? cpu)))),
    ])
    document.body.dataset.drawn = 'yes'
  }
  last = now
}

/** The time in milliseconds after which JavaScript counts as blocked. */
const PATIENCE = 2_000

async function ask() {
  try {
    const response = await fetch('stats.json', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) })
    show(await response.json())
  } catch {
    document.getElementById('state').textContent = 'no answer: JavaScript is blocked, or the process has ended'
  }
  setTimeout(ask, 1000)
}
ask()
