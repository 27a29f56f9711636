// nginx and HAProxy in front of two services. `leave(name)` has the proxy send no new requests to that service, `enter(name)` undoes it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Each starts the proxy in `folder`, listening on `port`, for `services`, `{ name: port }`. */
export const PROXIES = { nginx, haproxy }

async function nginx({ folder, port, services, retries }) {
  const left = new Set()
  const file = path.join(folder, 'nginx.conf')
  const write = () => writeFileSync(file, nginxConfiguration({ folder, port, services, retries, left }))
  write()
  const args = ['-p', folder, '-c', file, '-e', path.join(folder, 'error.log')]
  const child = spawn('nginx', args, { stdio: 'ignore' })
  await accepts(port)
  const reload = async () => {
    write()
    const workers = children(child.pid)
    spawnSync('nginx', [...args, '-s', 'reload'])
    // The old workers end when they have answered what they have accepted.
    while (children(child.pid).some((pid) => workers.includes(pid))) await sleep(20)
  }
  return {
    async leave(name) {
      left.add(name)
      await reload()
    },
    async enter(name) {
      left.delete(name)
      await reload()
    },
    stop: () => stop(child, 'SIGQUIT'),
  }
}

function nginxConfiguration({ folder, port, services, retries, left }) {
  const servers = Object.entries(services).map(
    ([name, at]) => `server 127.0.0.1:${at}${left.has(name) ? ' down' : ' max_fails=0'};`,
  )
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream services { ${servers.join(' ')} keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://services;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${retries ? '' : 'proxy_next_upstream off;'}
    }
  }
}
`
}

async function haproxy({ folder, port, services, retries }) {
  const control = path.join(folder, 'control')
  const servers = Object.entries(services).map(([name, at]) => `  server ${name} 127.0.0.1:${at} check inter 200ms`)
  const file = path.join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `
global
  stats socket ${control} level admin
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  retries ${retries ? 3 : 0}
  ${retries ? 'option redispatch 1' : ''}
  http-reuse safe
frontend front
  bind 127.0.0.1:${port}
  default_backend services
backend services
${servers.join('\n')}
`,
  )
  const child = spawn('haproxy', ['-f', file], { stdio: 'ignore' })
  await accepts(port)
  return {
    leave: (name) => command(control, `set server services/${name} state drain`),
    enter: (name) => command(control, `set server services/${name} state ready`),
    stop: () => stop(child, 'SIGTERM'),
  }
}

async function command(control, text) {
  const socket = net.connect(control)
  socket.resume().write(`${text}\n`)
  await once(socket, 'close')
}

async function accepts(port) {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    const accepted = await new Promise((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    })
    socket.destroy()
    if (accepted) return
    await sleep(20)
  }
}

async function stop(child, signal) {
  child.kill(signal)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

function children(pid) {
  return spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean)
}
