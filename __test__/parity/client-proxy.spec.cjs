'use strict'
// Requests by way of a proxy: Node's documentation, "Built-in Proxy Support".
const { parity } = require('../helpers/parity.cjs')
const { rawServer } = require('./_exchange.cjs')
const on24 = require('./_on24.cjs')

/** Logs the bytes that the proxy, which answers everything, receives for each request. `direct` is a server that is not a proxy. */
function proxied(title, cases) {
  on24(
    title,
    parity(
      async (http, log, tools) => {
        const port = await rawServer(tools, (socket, request) => {
          log('proxy', request)
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        })
        const direct = await rawServer(tools, (socket, request) => {
          log('direct', request)
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        })
        for (const { env = {}, ...options } of cases(direct)) {
          const proxyEnv = { HTTP_PROXY: `http://127.0.0.1:${port}`, ...env }
          if (env.auth) proxyEnv.HTTP_PROXY = `http://${env.auth}@127.0.0.1:${port}`
          log(options, env)
          try {
            const agent = new http.Agent({ keepAlive: true, proxyEnv })
            tools.after(() => agent.destroy())
            await new Promise((resolve) => {
              const request = http.request({ agent, ...options }, (response) => response.resume())
              request.on('error', (error) => log(error.code))
              request.on('close', resolve)
              request.end()
            })
          } catch (error) {
            log(error.code, error.name)
          }
        }
      },
      { nativeOnly: true },
    ),
  )
}

proxied('targets', () => [
  { host: 'a.test', path: '/x?y' },
  { host: 'a.test', port: 81, path: '/x' },
  { host: 'a.test', path: 'http://a.test/z' },
  { host: 'a.test', path: 'http://u:p@a.test/z' },
  { host: 'a.test', path: '/a/../b/./c?d e'.replace(' ', '\xe9') },
  { host: 'a.test', path: '/"<>`{}|\\^[]#f?g' },
  { host: 'a.test', path: '//b.test/x' },
  { host: 'a.test', path: '/%zz%41' },
  { host: 'a.test', path: 'a.test:80', method: 'CONNECT' },
  { host: 'a.test', path: 'http://b.test/z' },
  { host: 'a.test', path: 'https://a.test/z' },
  { host: 'a.test', path: 'z' },
  { host: 'a.test', path: '*', method: 'OPTIONS' },
  { host: '::1', port: 81, path: '/' },
  { host: 'A.test', path: '/' },
  { host: 'a b', path: '/' },
  { host: 'a\rb', path: '/' },
  { host: 'a.test', port: 'x', path: '/' },
])

proxied('fields', () => [
  { host: 'a.test', headers: { host: 'b.test' } },
  { host: 'a.test', headers: { host: 'a.test:80' } },
  { host: 'a.test', headers: ['Host', 'a.test', 'X', 'y'] },
  { host: 'a.test', headers: ['Host', 'b.test'] },
  { host: 'a.test', setHost: false },
  { host: 'a.test', headers: { connection: 'close' } },
  { host: 'a.test', headers: { 'Proxy-Connection': 'x', 'Proxy-Authorization': 'y' } },
  { host: 'a.test', auth: 'user:pass' },
  { host: 'a.test', env: { auth: 'us%20er:pa%3Ass' } },
  { host: 'a.test', env: { auth: 'user' } },
])

proxied('exemptions', (direct) =>
  [
    '*',
    'localhost',
    '127.0.0.1',
    '127.0.0.0-127.0.0.9',
    '127.0.0.2-127.0.0.9',
    '127.0.0.1:1',
    `127.0.0.1:${direct}`,
    ' a , 127.0.0.1 ',
    '127.0.0.0/8',
    '',
  ].map((NO_PROXY) => ({ host: '127.0.0.1', port: direct, env: { NO_PROXY } })),
)

proxied('names that are exempt', () =>
  [
    ['.example.test', 'a.example.test'],
    ['.example.test', 'example.test'],
    ['example.test', 'a.example.test'],
    ['example.test', 'EXAMPLE.test'],
    ['*.example.test', 'a.example.test'],
    ['*.example.test', 'example.test'],
    ['*example.test', 'anexample.test'],
  ].map(([NO_PROXY, host]) => ({
    host,
    env: { NO_PROXY },
    lookup: (name, options, callback) => callback(new Error('direct')),
  })),
)

proxied('variables', (direct) =>
  [
    { http_proxy: '', HTTP_PROXY: '' },
    { HTTP_PROXY: 'nothing' },
    { HTTP_PROXY: 'ftp://127.0.0.1' },
    { HTTP_PROXY: 'http://' },
    { HTTP_PROXY: 'http://a\nb' },
    { no_proxy: '127.0.0.1', NO_PROXY: 'x' },
    { no_proxy: 'x', NO_PROXY: '127.0.0.1' },
    { http_proxy: 'http://127.0.0.1:1' },
  ].map((env) => ({ host: '127.0.0.1', port: direct, env })),
)
