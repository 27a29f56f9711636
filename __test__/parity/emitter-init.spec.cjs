'use strict'
// New messages and agents are the emitters that Node's constructors make.
// Node 26 makes messages in another way, and Node 20 sets `_maxListeners` where a prototype has it.
const { parity, whereNode24 } = require('../helpers/parity.cjs')

const same = (title, script) => whereNode24(title, parity(script, { only24: true, isolated: true }))

same('names of removed listeners', async (http, log) => {
  const listener = () => {}
  for (const emitter of [new http.OutgoingMessage(), new http.IncomingMessage({}), new http.Agent()]) {
    emitter.on('end', listener)
    emitter.once('finish', listener)
    log(emitter.eventNames())
    emitter.off('finish', listener)
    log(emitter.eventNames(), emitter.listenerCount('finish'))
    emitter.off('end', listener)
    log(emitter.eventNames())
    emitter.on('end', listener)
    log(emitter.eventNames(), emitter.emit('finish'), emitter.emit('end'))
  }
})

same('members of a new emitter', async (http, log) => {
  for (const emitter of [new http.OutgoingMessage(), new http.IncomingMessage({}), new http.Agent()]) {
    log(
      Object.getOwnPropertySymbols(emitter)
        .map(({ description }) => description)
        .filter((name) => ['shapeMode', 'kCapture'].includes(name)),
      Reflect.ownKeys(emitter).slice(0, 3),
      emitter._maxListeners,
      emitter._eventsCount,
      emitter.getMaxListeners(),
    )
  }
})

same('a prototype with a limit of listeners, and a message that constructs itself', async (http, log) => {
  class Limited extends http.OutgoingMessage {}
  Limited.prototype._maxListeners = 3
  const limited = new Limited()
  log(limited.getMaxListeners(), Object.hasOwn(limited, '_maxListeners'))
  class Constructing extends http.IncomingMessage {
    _construct(callback) {
      log('construct')
      setImmediate(callback)
    }
  }
  const message = new Constructing({})
  message.complete = true
  message.on('data', (chunk) => log('data', chunk.toString()))
  message.push('abc')
  message.push(null)
  await new Promise((resolve) => message.on('end', resolve))
})

same('rejections are captured by emitters made after the setting', async (http, log) => {
  require('node:events').captureRejections = true
  const message = new http.OutgoingMessage()
  message.on('finish', async () => {
    throw new Error('rejected')
  })
  const failed = new Promise((resolve) => message.on('error', resolve))
  message.emit('finish')
  log((await failed).message)
})

same('the module domain knows messages and agents', async (http, log) => {
  const domain = require('node:domain').create()
  domain.run(() => {
    for (const emitter of [new http.OutgoingMessage(), new http.IncomingMessage({}), new http.Agent()]) {
      log(emitter.domain === domain, emitter.eventNames())
    }
  })
})
