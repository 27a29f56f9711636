'use strict'
// app.js in WORKERS processes of a cluster. HTTP_MODULE as there. Also prints the pids, because the CPU of each process counts.

const cluster = require('node:cluster')
const { join } = require('node:path')

// app.js prints its port, which is not used here.
cluster.setupPrimary({ exec: join(__dirname, 'app.js'), stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })

const count = Number(process.env.WORKERS ?? 1)
const workers = Array.from({ length: count }, () => cluster.fork())
let listening = 0

cluster.on('listening', (_worker, { port }) => {
  listening += 1
  if (listening === count) console.log(JSON.stringify({ port, workers: workers.map(({ process }) => process.pid) }))
})
cluster.on('exit', () => process.exit(1))
process.on('SIGTERM', () => {
  cluster.removeAllListeners('exit')
  for (const worker of workers) worker.process.kill('SIGKILL')
  process.exit(0)
})
