/** The response to a malformed message, when the program does not answer it. */
import { defaultAnswer, parserErrors } from '../bridge/native.js'

/** Statuses other than 400, by the error's code. */
const STATUSES = new Map<unknown, number>([
  ...parserErrors().map(({ code, status }) => [code, status] as const),
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

export function answerTo(error: Error): string {
  return defaultAnswer(STATUSES.get((error as { code?: unknown }).code) ?? 400)
}
