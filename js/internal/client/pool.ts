/**
 * JavaScript's part of an agent's pool. The pool itself, with all decisions, is in Rust (`crates/net/src/pool`). This file has the
 * socket of each member, the requests that wait, and the views `agent.sockets`, `freeSockets` and `requests`.
 *
 * Programs change the views, the agent's limits and `totalSocketCount`, mostly to reserve room. So before each question to
 * the pool the views are compared with what the pool knows, and differences are reported to it.
 */
import type { Socket } from 'node:net'

import type { Agent } from '../../agent.js'
import type { ClientRequest } from '../../client.js'
import { removeFrom } from './agent-sockets.js'
import type { ClientOptions } from './options.js'
import { environment } from '../bridge/environment.js'
import {
  BindingAgent,
  poolAcquire,
  poolAdopted,
  poolForget,
  poolKeep,
  poolLeft,
  poolNamed,
  poolNext,
  poolOldest,
  poolOpened,
  poolOrigin,
  poolReleased,
  poolRemoved,
  poolSetBeyondTotal,
  poolSetLimits,
  poolSetShown,
} from '../bridge/native.js'
import { awaitEndIfClosed, generationOf, PENDING_SLOT, slotOf } from './pool-liveness.js'
import * as r from '../../native/records.js'

/** The number of an origin or a member that the pool does not know, or no longer. */
const UNKNOWN = -1

/** A name that `getName` has returned. Its counts are those that the pool in Rust knows. */
export class Origin {
  readonly pool: AgentPool
  readonly name: string
  number: number
  active = 0
  idle = 0
  /** See `Pool::left`. */
  left = 0
  waiting = 0
  /** Sockets in `agent.sockets` that are not members, as last reported to the pool. */
  beyond = 0
  /** Idle native sockets whose connection was not there yet when they became idle. */
  unconnected: Member[] = []
  /** The pool's `changes` when it last returned POOL_WAIT. */
  fullAt = -1

  constructor(pool: AgentPool, name: string, number: number) {
    this.pool = pool
    this.name = name
    this.number = number
  }
}

/** One member of the pool. */
interface Member {
  readonly socket: Socket
  readonly origin: Origin
  number: number
  state: 'active' | 'idle' | 'left'
}

/** The key, in the options that `watch` got, of the member that they belong to. */
const kMember = Symbol('ferrohttp.member')

type Options = ClientOptions & { [kMember]?: Member }

export class AgentPool {
  readonly #agent: Agent
  /** A stack overflow has interrupted a decision, so the counts here may be wrong. See `recover`. */
  isInconsistent = false
  /** The pool in Rust lives as long as this object. */
  readonly #owner = new BindingAgent(environment.native)
  readonly #number = this.#owner.number
  readonly #names = new Map<string, Origin>()
  readonly #numbers = new Map<number, Origin>()
  readonly #members = new Map<number, Member>()

  /** As last reported to the pool. */
  #maxSockets: number | undefined
  #maxTotalSockets: number | undefined
  #maxFreeSockets: number | undefined
  #keepAlive: boolean | undefined
  #scheduling: string | undefined
  #beyondTotal = 0
  /** Changes of the pool, queues excepted. While there are none, a request that got POOL_WAIT would get it again. */
  #changes = 0

  /** Host, TLS name and origin of the last request. */
  #lastHost: unknown = undefined
  #lastPort: unknown = undefined
  #lastServername: unknown = undefined
  #last: Origin | null = null

  constructor(agent: Agent) {
    this.#agent = agent
  }

  /**
   * Replaces this pool by a new one, which finds the sockets in the views. Sockets that were between two views are destroyed,
   * because no request has them.
   */
  recover(): void {
    const { sockets, freeSockets } = this.#agent
    for (const views of [sockets, freeSockets]) {
      for (const name of Object.keys(views)) {
        const standing = views[name]!.filter((socket) => !socket.destroyed)
        if (standing.length > 0) views[name] = standing
        else delete views[name]
      }
    }
    let shown = 0
    for (const { origin, socket } of this.#members.values()) {
      const isShown = sockets[origin.name]?.includes(socket) || freeSockets[origin.name]?.includes(socket)
      if (!isShown) socket.destroy()
    }
    for (const views of [sockets, freeSockets]) for (const name of Object.keys(views)) shown += views[name]!.length
    this.#agent.totalSocketCount = shown
  }

  // ---- names ---------------------------------------------------------------------------------------------------

  /** @param given the value that `getName` has returned, which may be anything when the program has replaced it */
  origin(given: string): Origin {
    const name = String(given)
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const origin = new Origin(this, name, poolOrigin(this.#number, name))
    this.#names.set(name, origin)
    this.#numbers.set(origin.number, origin)
    return origin
  }

  /** As `origin`, for a socket that `watch` got these options for. */
  originOf(name: string, options: Options): Origin {
    const own = options[kMember]?.origin
    const known = own !== undefined && own.pool === this && own.name === name && own.number !== UNKNOWN
    return known ? own : this.origin(name)
  }

  /** The origin of the host if the last request had the same. Otherwise the caller asks `getName`. */
  lastOrigin(host: unknown, port: unknown, servername?: unknown): Origin | null {
    const last = this.#last
    if (last === null || this.#lastHost !== host || this.#lastPort !== port || this.#lastServername !== servername)
      return null
    return last.number === UNKNOWN ? (this.#last = this.origin(last.name)) : last
  }

  setLastOrigin(origin: Origin, host: unknown, port: unknown, servername?: unknown): void {
    this.#lastHost = host
    this.#lastPort = port
    this.#lastServername = servername
    this.#last = origin
  }

  /** Forgets the name if it has neither sockets nor requests. */
  forgetIfUnused(origin: Origin): void {
    const { number } = origin
    if (number === UNKNOWN || origin.active + origin.idle + origin.left > 0) return
    this.#report(origin)
    if (origin.idle + origin.waiting > 0) return
    if (!poolForget(this.#number, number)) return
    this.#names.delete(origin.name)
    this.#numbers.delete(number)
    origin.number = UNKNOWN
  }

  // ---- decisions ------------------------------------------------------------------------------------------------

  /**
   * Decides what a request gets: an idle socket, POOL_CONNECT or POOL_WAIT. The socket has left `freeSockets`; the caller calls
   * `show` when the socket is in use.
   */
  acquire(origin: Origin): Socket | typeof r.POOL_CONNECT | typeof r.POOL_WAIT {
    const { name } = origin
    const free = this.#agent.freeSockets[name]
    this.#reportViews(origin, free)
    if (free !== undefined && free.length > 0 && free[0]!.destroyed) this.#removeDestroyed(origin, free)
    if (origin.unconnected.length > 0) this.#reportConnected(origin)
    if (origin.fullAt === this.#changes) return r.POOL_WAIT
    for (;;) {
      const waiting = lengthOf(this.#agent.requests[name])
      const answer = poolAcquire(this.#number, origin.number, waiting)
      origin.waiting = answer === r.POOL_WAIT ? waiting + 1 : waiting
      if (answer === r.POOL_CONNECT) return r.POOL_CONNECT
      if (answer === r.POOL_WAIT) {
        origin.fullAt = this.#changes
        if (origin.idle > 0 || this.#maxTotalSockets !== Infinity) this.#awaitEndOfClosed()
        return r.POOL_WAIT
      }
      this.#changes++
      const member = this.#members.get(answer)!
      const { socket } = member
      member.state = 'active'
      origin.idle--
      origin.active++
      // A socket that the program has removed from the view belongs to the program.
      if (!removeFrom(this.#agent.freeSockets, name, socket)) this.#remove(member)
      else if (socket.destroyed) this.#markLeft(member)
      else return socket
    }
  }

  /** A request has to wait, perhaps for the place of an idle connection that has closed. Keeps the event loop alive until that is reported. */
  #awaitEndOfClosed(): void {
    for (const { socket, state } of this.#members.values()) if (state === 'idle') awaitEndIfClosed(socket)
  }

  /** Adds a socket that was idle to `agent.sockets`. */
  show(origin: Origin, socket: Socket): void {
    ;(this.#agent.sockets[origin.name] ??= []).push(socket)
  }

  /** Adds a request to `agent.requests`. */
  queue(origin: Origin, request: ClientRequest): void {
    ;(this.#agent.requests[origin.name] ??= []).push(request)
  }

  /** Decides about a socket whose exchange is over: POOL_SERVE, POOL_KEEP or POOL_CLOSE. */
  released(origin: Origin, reusable: boolean): number {
    // POOL_WAIT has promised this socket to the queue. The shorter queue is reported with the next question.
    if (lengthOf(this.#agent.requests[origin.name]) > 0) return r.POOL_SERVE
    this.#report(origin)
    return poolReleased(this.#number, origin.number, reusable)
  }

  /** Removes the oldest request from the queue, after POOL_SERVE. */
  dequeue(origin: Origin): ClientRequest {
    const { requests } = this.#agent
    const waiting = requests[origin.name]!
    const request = waiting.shift()!
    if (waiting.length === 0) delete requests[origin.name]
    return request
  }

  /** Adds a new socket of a name. */
  opened(name: string, socket: Socket, options: Options): void {
    const origin = this.origin(name)
    const number = poolOpened(this.#number, origin.number)
    options[kMember] = this.#join({ socket, origin, number, state: 'active' })
    ;(this.#agent.sockets[name] ??= []).push(socket)
    this.#agent.totalSocketCount++
  }

  /**
   * Marks a socket as idle. Returns false if it has to leave the agent first, because another request may get a connection in
   * its place, or because it is not one of the agent's.
   */
  keep(origin: Origin, socket: Socket, options: Options): boolean {
    const member = this.#find(origin, socket, options, true)
    if (member === undefined) return false
    const slot = slotOf(socket)
    if (!poolKeep(this.#number, member.number, slot, generationOf(socket))) return false
    this.#changes++
    if (slot === PENDING_SLOT) origin.unconnected.push(member)
    member.state = 'idle'
    origin.active--
    origin.idle++
    removeFrom(this.#agent.sockets, origin.name, socket)
    ;(this.#agent.freeSockets[origin.name] ??= []).push(socket)
    return true
  }

  /** Adds an idle socket that is not, or no longer, a member. */
  adopt(name: string, socket: Socket, options: Options): void {
    const origin = this.origin(name)
    options[kMember] = this.#adopted(origin, socket)
    ;(this.#agent.freeSockets[name] ??= []).push(socket)
  }

  /**
   * Removes a socket from the agent. An idle one that is writable stays in `freeSockets`, as in Node.
   * @returns whether there is room for another in its place
   */
  remove(origin: Origin, socket: Socket, options: Options): boolean {
    let room = true
    const agent = this.#agent
    removeFrom(agent.sockets, origin.name, socket)
    const active = this.#find(origin, socket, options, true)
    if (active !== undefined) this.#remove(active)
    if (!socket.writable) {
      const shownIdle = removeFrom(agent.freeSockets, origin.name, socket)
      // Only a program can have put a socket that is in use into `freeSockets`, too. A search of all members is not worth that.
      const other = active === undefined || shownIdle ? this.#find(origin, socket, options, false) : undefined
      if (other !== undefined) room = this.#remove(other)
    }
    return room
  }

  /** The request that gets a connection in place of one of `origin` that is gone. It stays in the queue until it has the connection. */
  next(origin: Origin): ClientRequest | undefined {
    this.#report(origin)
    for (;;) {
      const answer = poolNext(this.#number, origin.number)
      if (answer === r.POOL_NONE) return undefined
      const other = this.#numbers.get(answer > r.POOL_NONE ? answer : r.POOL_BUSY - answer)!
      // The views of that origin may have changed, too.
      if (!this.#report(other)) return answer > r.POOL_NONE ? this.#agent.requests[other.name]![0] : undefined
      this.forgetIfUnused(other)
    }
  }

  // ---- changes by programs -------------------------------------------------------------------------------------

  /** Reports to the pool what has changed in the views. @returns whether the views of the name had changed */
  #report(origin: Origin): boolean {
    const changed = this.#reportViews(origin, this.#agent.freeSockets[origin.name])
    const waiting = lengthOf(this.#agent.requests[origin.name])
    if (waiting === origin.waiting) return changed
    origin.waiting = waiting
    // The pool has to know that this name waits: it decides which name is next.
    if (waiting === 0) origin.fullAt = -1
    poolSetShown(this.#number, origin.number, origin.beyond, waiting)
    return true
  }

  /** As `#report`, without the queue. */
  #reportViews(origin: Origin, free: Socket[] | undefined): boolean {
    const agent = this.#agent
    if (
      agent.maxSockets !== this.#maxSockets ||
      agent.maxTotalSockets !== this.#maxTotalSockets ||
      agent.maxFreeSockets !== this.#maxFreeSockets ||
      agent.keepAlive !== this.#keepAlive ||
      agent.scheduling !== this.#scheduling
    )
      this.#reportLimits()
    if (lengthOf(free) !== origin.idle) this.#rebuildMembers(origin, free ?? [])
    const beyondTotal = agent.totalSocketCount - this.#members.size
    if (beyondTotal !== this.#beyondTotal) {
      this.#beyondTotal = beyondTotal
      this.#changes++
      poolSetBeyondTotal(this.#number, beyondTotal)
    }
    const beyond = lengthOf(agent.sockets[origin.name]) - origin.active
    if (beyond === origin.beyond) return false
    origin.beyond = beyond
    this.#changes++
    poolSetShown(this.#number, origin.number, beyond, origin.waiting)
    return true
  }

  #reportLimits(): void {
    const { maxSockets, maxTotalSockets, maxFreeSockets, keepAlive, scheduling } = this.#agent
    this.#maxSockets = maxSockets
    this.#maxTotalSockets = maxTotalSockets
    this.#maxFreeSockets = maxFreeSockets
    this.#keepAlive = keepAlive
    this.#scheduling = scheduling
    this.#changes++
    poolSetLimits(this.#number, {
      maxSockets: Number(maxSockets),
      maxTotalSockets: Number(maxTotalSockets),
      maxFreeSockets: Number(maxFreeSockets),
      keepAlive: Boolean(keepAlive),
      oldestFirst: scheduling === 'fifo',
    })
  }

  /** The program has edited `agent.freeSockets`. Rebuilds our members from that list. */
  #rebuildMembers(origin: Origin, free: Socket[]): void {
    for (const member of [...this.#members.values()])
      if (member.origin === origin && member.state === 'idle') this.#remove(member)
    for (const socket of free) this.#adopted(origin, socket)
  }

  // ---- members -------------------------------------------------------------------------------------------------

  #join(member: Member): Member {
    this.#changes++
    this.#members.set(member.number, member)
    member.origin[member.state]++
    return member
  }

  /** @returns whether there is room for another in its place */
  #remove(member: Member): boolean {
    this.#changes++
    const room = poolRemoved(this.#number, member.number)
    this.#members.delete(member.number)
    member.origin[member.state]--
    member.number = UNKNOWN
    return room
  }

  #adopted(origin: Origin, socket: Socket): Member {
    const slot = slotOf(socket)
    const number = poolAdopted(this.#number, origin.number, slot, generationOf(socket))
    const member = this.#join({ socket, origin, number, state: 'idle' })
    if (slot === PENDING_SLOT) origin.unconnected.push(member)
    return member
  }

  /** Reports to the pool the native connections of idle members that had none when they became idle. */
  #reportConnected(origin: Origin): void {
    origin.unconnected = origin.unconnected.filter((member) => {
      const slot = slotOf(member.socket)
      if (slot === PENDING_SLOT) return member.number !== UNKNOWN
      this.#changes++
      poolNamed(this.#number, member.number, slot, generationOf(member.socket))
      return false
    })
  }

  /** Finds the member of a socket and a name, among those in use or among the idle ones. */
  #find(origin: Origin, socket: Socket, options: Options, active: boolean): Member | undefined {
    const own = options[kMember]
    if (own !== undefined && isMemberOf(own, origin, socket))
      return (own.state === 'active') === active ? own : undefined
    for (const member of this.#members.values())
      if (isMemberOf(member, origin, socket) && (member.state === 'active') === active) return member
    return undefined
  }

  /** Removes destroyed sockets from the front of the idle ones, as Node does. */
  #removeDestroyed(origin: Origin, free: Socket[]): void {
    while (free.length > 0 && free[0]!.destroyed) {
      const member = this.#members.get(poolOldest(this.#number, origin.number))!
      if (member.socket === free[0]) {
        free.shift()
        this.#markLeft(member)
      } else {
        // The program has changed their order.
        this.#rebuildMembers(origin, free)
      }
    }
    if (free.length === 0) delete this.#agent.freeSockets[origin.name]
  }

  /** No request gets this member any more. It counts for the total until it is removed. */
  #markLeft(member: Member): void {
    this.#changes++
    poolLeft(this.#number, member.number)
    member.origin[member.state]--
    member.state = 'left'
    member.origin.left++
  }
}

function isMemberOf(member: Member, origin: Origin, socket: Socket): boolean {
  return member.socket === socket && member.origin === origin && member.number !== UNKNOWN
}

function lengthOf(list: unknown[] | undefined): number {
  // The program may have put something other than a list there.
  return list === undefined ? 0 : list.length | 0
}
