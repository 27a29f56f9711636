'use strict'
// The process of an isolated parity run: `play-child.cjs <implementation> <road>`, the script's source by message.
const { FAILED, play } = require('./play.cjs')

process.once('message', async ({ source }) => {
  // The parent holds the channel open; the script's own handles decide how long this process lives.
  process.channel.unref()
  const script = new Function('require', `return (${source})`)(require)
  try {
    await play(process.argv[2], script, {
      road: process.argv[3],
      onEntry: (entry) => process.send({ entry }),
      onPort: (port) => process.send({ port }),
    })
    process.disconnect()
  } catch (error) {
    process.send({ failure: error.stack }, () => process.exit(FAILED))
  }
})
