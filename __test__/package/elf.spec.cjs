'use strict'
// Which C library a program uses, read from programs that are made up.
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('ava')
const { readElf } = require('../../build/internal/addon/elf.js')
const { libcOf, platformOf } = require('../../build/internal/addon/platform.js')

/** A file with two program headers: a segment of `loaded` bytes and, if there is one, the interpreter after `gap` bytes. */
function program(t, { interpreter, loaded = 0, gap = 0, name = 'program' }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrohttp-elf-'))
  t.teardown(() => fs.rmSync(folder, { recursive: true }))
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x02\x01', 'latin1')
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(2, 56)
  const entries = Buffer.alloc(112)
  entries.writeUInt32LE(1, 0)
  entries.writeBigUInt64LE(BigInt(loaded), 32)
  const text = Buffer.from(`${interpreter ?? ''}\0`)
  entries.writeUInt32LE(interpreter === undefined ? 4 : 3, 56)
  entries.writeBigUInt64LE(BigInt(176 + gap), 64)
  entries.writeBigUInt64LE(BigInt(text.length), 88)
  const file = path.join(folder, name)
  fs.writeFileSync(file, Buffer.concat([header, entries, Buffer.alloc(gap), text]))
  return file
}

test('the dynamic linker shows the C library', (t) => {
  const linkers = {
    '/lib64/ld-linux-x86-64.so.2': 'glibc',
    '/lib/ld-linux-aarch64.so.1': 'glibc',
    '/nix/store/abc-glibc-2.40/lib/ld-linux-x86-64.so.2': 'glibc',
    '/opt/ld-musl-free/ld-linux-x86-64.so.2': 'glibc',
    '/lib/ld-musl-x86_64.so.1': 'musl',
    '/lib/ld-musl-aarch64.so.1': 'musl',
  }
  for (const [interpreter, libc] of Object.entries(linkers)) {
    t.is(libcOf(program(t, { interpreter })), libc, interpreter)
    t.is(libcOf(program(t, { interpreter, gap: 100_000 })), libc, 'as patchelf leaves it, far from the headers')
  }
})

test('a program that was started by its dynamic linker appears to be the linker', (t) => {
  t.is(libcOf(program(t, { name: 'ld-musl-x86_64.so.1' })), 'musl')
  t.is(libcOf(program(t, { name: 'ld-linux-x86-64.so.2' })), 'glibc')
})

test('the C library of a file that cannot be read is unknown', (t) => {
  t.is(libcOf(path.join(__dirname, 'no such file')), null)
})

test('a file needs the length of its segments', (t) => {
  t.deepEqual(readElf(program(t, { loaded: 5000 })), { interpreter: null, size: 177, sizeNeeded: 5000 })
  t.is(readElf(__filename), null)
})

test('each platform has the builds that fit', (t) => {
  t.deepEqual(platformOf('linux', 'x64', 'glibc').builds, ['linux-x64-gnu'])
  t.deepEqual(platformOf('linux', 'arm64', 'musl').builds, ['linux-arm64-musl'])
  t.deepEqual(platformOf('linux', 'x64', null).builds, ['linux-x64-gnu', 'linux-x64-musl'])
  t.deepEqual(platformOf('win32', 'arm64', null).builds, ['win32-arm64-msvc'])
  t.deepEqual(platformOf('darwin', 'x64', null).builds, ['darwin-x64'])
  t.deepEqual(platformOf('linux', 'arm', 'glibc').builds, [])
  t.deepEqual(platformOf('freebsd', 'x64', null).builds, [])
})
