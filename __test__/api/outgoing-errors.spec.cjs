// Misuse throws what node:http throws: class, code, message, text and the first line of the stack.
const http = require('node:http')
const test = require('ava')
const { OutgoingMessage } = require('../../build/outgoing.js')
const { ServerResponse } = require('../../build/response.js')

const REQUEST = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {} }
const headWritten = (res) => {
  res.writeHead(200)
  return res
}

/** name, script on a fresh ServerResponse */
const misuses = [
  ['setHeader without a name', (res) => res.setHeader()],
  ['setHeader with a number as name', (res) => res.setHeader(404, 'x')],
  ['setHeader with an empty name', (res) => res.setHeader('', 'x')],
  ['setHeader with a space in the name', (res) => res.setHeader('a b', 'x')],
  ['setHeader without a value', (res) => res.setHeader('a')],
  ['setHeader with a line break', (res) => res.setHeader('a', 'x\r\ny')],
  ['setHeader with a long value and a NUL', (res) => res.setHeader('a', `${'x'.repeat(50)}\0`)],
  ['setHeader with a character that is no byte', (res) => res.setHeader('a', 'あ')],
  ['setHeader with a bad array', (res) => res.setHeader('a', ['x', 'y\n'])],
  ['setHeader with a symbol', (res) => res.setHeader('a', Symbol('x'))],
  ['setHeader after the head', (res) => headWritten(res).setHeader('a', 'b')],
  ['setHeaders after the head', (res) => headWritten(res).setHeaders(new Map())],
  ['setHeaders with an array', (res) => res.setHeaders([])],
  ['setHeaders with nothing', (res) => res.setHeaders()],
  ['appendHeader after the head', (res) => headWritten(res).appendHeader('a', 'b')],
  ['appendHeader without a value', (res) => res.appendHeader('a')],
  ['removeHeader after the head', (res) => headWritten(res).removeHeader('a')],
  ['removeHeader without a name', (res) => res.removeHeader()],
  ['getHeader with a number', (res) => res.getHeader(5)],
  ['hasHeader with null', (res) => res.hasHeader(null)],
  ['_renderHeaders after the head', (res) => headWritten(res)._renderHeaders()],
  ['writeHead twice', (res) => headWritten(res).writeHead(200)],
  ['writeHead below 100', (res) => res.writeHead(99)],
  ['writeHead above 999', (res) => res.writeHead(1000)],
  ['writeHead with text', (res) => res.writeHead('abc')],
  ['writeHead with an object', (res) => res.writeHead({})],
  ['writeHead with a bad phrase', (res) => res.writeHead(200, 'a\nb')],
  [
    'writeHead with a bad phrase set',
    (res) => {
      res.statusMessage = 'a\rb'
      res.writeHead(200)
    },
  ],
  ['writeHead with an odd array', (res) => res.writeHead(200, ['a'])],
  [
    'writeHead with an odd array over set headers',
    (res) => {
      res.setHeader('a', 'b')
      res.writeHead(200, ['a'])
    },
  ],
  ['writeHead with a bad name', (res) => res.writeHead(200, { 'a:': 'b' })],
  ['writeHead with an undefined value', (res) => res.writeHead(200, { a: undefined })],
  ['writeHead with a bad value', (res) => res.writeHead(200, { a: 'b\n' })],
  ['writeHead with a Trailer and a length', (res) => res.writeHead(200, { Trailer: 'x', 'Content-Length': 3 })],
  ['write of null', (res) => res.write(null)],
  ['write of nothing', (res) => res.write()],
  ['write of an object', (res) => res.write({})],
  ['write of an array', (res) => res.write(['x'])],
  ['end with a number', (res) => res.end(1)],
  ['end with an object without a prototype', (res) => res.end(Object.create(null))],
  ['end with true', (res) => res.end(true)],
  [
    'a length that does not match',
    (res) => {
      res.strictContentLength = true
      res.writeHead(200, { 'Content-Length': 3 })
      res.end('ab')
    },
  ],
  [
    'a length that is exceeded',
    (res) => {
      res.strictContentLength = true
      res.writeHead(200, { 'Content-Length': 1 })
      res.write('ab')
    },
  ],
  [
    'a length that is not reached',
    (res) => {
      res.strictContentLength = true
      res.writeHead(200, { 'Content-Length': 1 })
      res.end()
    },
  ],
  ['early hints that are no object', (res) => res.writeEarlyHints('x')],
  ['early hints with a bad link', (res) => res.writeEarlyHints({ link: 'bad' })],
  ['early hints with a number', (res) => res.writeEarlyHints({ link: 5 })],
  ['early hints with an unfinished target', (res) => res.writeEarlyHints({ link: '<a' })],
  ['addTrailers without an argument', (res) => res.addTrailers()],
  ['addTrailers with a bad name', (res) => res.addTrailers({ あ: 'x' })],
  ['addTrailers with a bad value', (res) => res.addTrailers({ x: 'あ' })],
  ['addTrailers with a bad value in an array', (res) => res.addTrailers({ x: ['a', '\n'] })],
  ['a socket that has a message', (res) => res.assignSocket({ _httpMessage: {} })],
]

function thrown(run) {
  try {
    run()
  } catch (error) {
    return {
      name: error.name,
      code: error.code,
      message: error.code === undefined ? undefined : error.message,
      text: error.code === undefined ? undefined : String(error),
      firstLine: error.code === undefined ? undefined : error.stack.split('\n')[0],
      keys: Object.keys(error),
      builtIn: [TypeError, RangeError, Error].find((Class) => error.constructor === Class)?.name,
    }
  }
  return null
}

for (const [name, misuse] of misuses) {
  test(name, (t) => {
    const theirs = thrown(() => misuse(new http.ServerResponse(REQUEST)))
    t.not(theirs, null)
    t.deepEqual(
      thrown(() => misuse(new ServerResponse(REQUEST))),
      theirs,
    )
  })
}

test('a plain OutgoingMessage has no implicit head', (t) => {
  const theirs = thrown(() => new http.OutgoingMessage().write('x'))
  t.is(theirs.code, 'ERR_METHOD_NOT_IMPLEMENTED')
  t.deepEqual(
    thrown(() => new OutgoingMessage().write('x')),
    theirs,
  )
})

test('a body where none is allowed, when that is refused', (t) => {
  const misuse = (res) => {
    res.statusCode = 204
    res.write('x')
  }
  const options = { rejectNonStandardBodyWrites: true }
  const theirs = thrown(() => misuse(new http.ServerResponse(REQUEST, options)))
  t.is(theirs.code, 'ERR_HTTP_BODY_NOT_ALLOWED')
  t.deepEqual(
    thrown(() => misuse(new ServerResponse(REQUEST, options))),
    theirs,
  )
})

test('writeInformation accepts 1xx except 101', (t) => {
  const fresh = () => new ServerResponse(REQUEST)
  t.throws(() => fresh().writeInformation(200), {
    code: 'ERR_OUT_OF_RANGE',
    message: 'The value of "statusCode" is out of range. It must be >= 100 && <= 199. Received 200',
  })
  t.throws(() => fresh().writeInformation('a'), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'The "statusCode" argument must be of type number. Received type string (\'a\')',
  })
  t.throws(() => fresh().writeInformation(101), { code: 'ERR_HTTP_INVALID_STATUS_CODE' })
  t.throws(() => fresh().writeInformation(102, 'x'), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'The "headers" argument must be of type object. Received type string (\'x\')',
  })
  t.throws(() => headWritten(fresh()).writeInformation(102), { code: 'ERR_HTTP_HEADERS_SENT' })
})

test('detachSocket with a socket that the response is not assigned to', (t) => {
  // Node's message asks the user to report a bug of Node.
  const [theirs, ours] = [http.ServerResponse, ServerResponse].map((Response) => {
    const { message: _, text, firstLine, ...rest } = thrown(() => new Response(REQUEST).detachSocket({}))
    return rest
  })
  t.is(theirs.code, 'ERR_INTERNAL_ASSERTION')
  t.deepEqual(ours, theirs)
})
