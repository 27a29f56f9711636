/** `require('ferrohttp/inspect')`: the live page of a process, as a listener for requests. */
import type { RequestListener } from 'node:http'

// First, because it completes the replacement of node:http that the register module has begun.
import './index.js'

import { answerInspection } from './core.js'

/**
 * Answers requests for the page, and for `stats.json` beside it, so the path of the page has to end with `/`. Any client
 * that can send requests to it sees the figures, so the application has to restrict access.
 */
export const handler: RequestListener = answerInspection as never
