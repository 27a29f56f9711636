#!/usr/bin/env node
/** The command `ferrohttp`: runs a program on ferrohttp, or checks whether ferrohttp works here. */
import { preloadInChildren, REGISTER } from './internal/command/environment.js'
import { findProgram } from './internal/command/find-program.js'
import { VERSION } from './root.js'

const USAGE = `Usage: ferrohttp [options of node] program.js [arguments]
       ferrohttp name [arguments]
       ferrohttp doctor

Runs a program with ferrohttp in place of the builtin http module: a file, or an
executable of a package that is installed here (ferrohttp next start). What the
program starts, processes and worker threads, has ferrohttp as well.

  doctor               check whether ferrohttp works here, and what to do if not
  --drain 30s          on SIGTERM finish requests, for at most this time
  --drain-delay 5s     after SIGTERM continue to accept connections for this time
  -h, --help           print this
  -v, --version        print the version of ferrohttp

Other options are passed to node: ferrohttp --inspect program.js
Environment: FERROHTTP=off|on|require, FERROHTTP_ADDON, FERROHTTP_DRAIN, FERROHTTP_DRAIN_DELAY,
FERROHTTP_HEALTH, FERROHTTP_HEALTH_READY, FERROHTTP_HEALTH_MAX_DELAY, FERROHTTP_INSPECT,
FERROHTTP_IO_THREADS; see docs/CLI.md
`

/** Our own options, which precede those of node and the program, with the environment variables that they set. */
const OPTIONS: Record<string, string> = { '--drain': 'FERROHTTP_DRAIN', '--drain-delay': 'FERROHTTP_DRAIN_DELAY' }

/** Sets the variables of our options at the beginning of `args`. @returns the other arguments */
function setVariables(args: string[]): string[] {
  for (;;) {
    const [name, given] = args[0]?.split('=', 2) ?? []
    const variable = name === undefined ? undefined : OPTIONS[name]
    if (variable === undefined) return args
    process.env[variable] = given ?? args[1] ?? ''
    args = args.slice(given === undefined ? 2 : 1)
  }
}

function main([first, ...rest]: string[]): void {
  if (first === undefined) {
    process.stderr.write(USAGE)
    process.exitCode = 2
  } else if (first === '--help' || first === '-h') {
    process.stdout.write(USAGE)
  } else if (first === '--version' || first === '-v') {
    process.stdout.write(`${VERSION}\n`)
  } else if (first === 'doctor' && rest.length === 0) {
    const { doctor } = require('./doctor.js') as typeof import('./internal/command/doctor.js')
    doctor()
  } else {
    run(first, rest)
  }
}

function run(first: string, rest: string[]): void {
  preloadInChildren()
  const isOption = first.startsWith('-')
  const program = isOption ? null : findProgram(first)
  if (!isOption && program === null) {
    process.stderr.write(
      `ferrohttp: there is no program ${first}: no file of that name, and no executable of a package in node_modules/.bin of this folder or one above it.\n`,
    )
    process.exitCode = 1
    return
  }
  if (program?.isScript === true && process.execArgv.length === 0) {
    const { runHere } = require('./run-here.js') as typeof import('./internal/command/run-here.js')
    runHere(program.path, rest)
    return
  }
  const { runApart } = require('./run-apart.js') as typeof import('./internal/command/run-apart.js')
  if (program?.isScript === false) runApart(rest, program.path)
  else runApart([...process.execArgv, '--require', REGISTER, program?.path ?? first, ...rest])
}

main(setVariables(process.argv.slice(2)))
