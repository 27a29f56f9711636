'use strict'
// A Nest application, which makes its server itself. Prints its answers.
require('reflect-metadata')
const { Body, Controller, Get, HttpException, Module, Param, Post } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const { ask } = require('./_ask.cjs')

class Cats {
  find(id) {
    if (id === '0') throw new HttpException('no such cat', 404)
    return { id }
  }
  add(cat) {
    return { added: cat }
  }
}
/** Decorators as the compiler of TypeScript applies them. */
function decorate(name, decorators, parameters) {
  const descriptor = Object.getOwnPropertyDescriptor(Cats.prototype, name)
  for (const decorator of decorators) decorator(Cats.prototype, name, descriptor)
  for (const [index, decorator] of parameters.entries()) decorator(Cats.prototype, name, index)
}
decorate('find', [Get(':id')], [Param('id')])
decorate('add', [Post()], [Body()])
Controller('cats')(Cats)

class Application {}
Module({ controllers: [Cats] })(Application)

async function main() {
  const application = await NestFactory.create(Application, { logger: false })
  await application.listen(0, '127.0.0.1')
  const server = application.getHttpServer()
  const { port } = server.address()
  const url = `http://127.0.0.1:${port}/cats`
  const posted = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"name":"a"}',
  })
  const answers = [
    await ask(require('node:http'), `${url}/7`),
    await ask(require('node:http'), `${url}/0`),
    [posted.status, posted.headers.get('x-powered-by'), await posted.text()],
  ]
  await application.close()
  console.log(JSON.stringify([answers, server instanceof require('node:http').Server]))
  process.exit()
}
main()
