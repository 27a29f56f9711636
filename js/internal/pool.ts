/**
 * An agent's pool. It is Rust's (`crates/net/src/pool`), and so are its decisions; here is what only JavaScript can have of
 * it: which socket a member is, which request waits, and `agent.sockets`, `freeSockets` and `requests`, the views of it.
 *
 * Programs write into those, too, and into the agent's limits and `totalSocketCount`, to reserve room above all. So whatever
 * is asked of the pool comes behind a look at what they show, and the difference is told first.
 */
import type { Socket } from 'node:net'

import type { Agent } from '../agent.js'
import type { ClientRequest } from '../client.js'
import { drop } from './agent-sockets.js'
import type { ClientOptions } from './client-options.js'
import { environment } from './environment.js'
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
} from './native.js'
import { awaitEndIfClosed, generationOf, NOT_YET, slotOf } from './pool-liveness.js'
import * as r from '../native/records.js'

/** The number of an origin, or a member, that the pool does not know (any more). */
const UNKNOWN = -1

/** A name that `getName` has answered. Its counts are what the pool in Rust knows. */
export class Origin {
  readonly pool: AgentPool
  readonly name: string
  number: number
  active = 0
  idle = 0
  /** See `Pool::left`. */
  left = 0
  waiting = 0
  /** Sockets in `agent.sockets` that are no members, as the pool has been told. */
  beyond = 0
  /** Native sockets that have idled since before they had a connection. */
  unnamed: Member[] = []
  /** The pool's `changes` when it last answered POOL_WAIT. */
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

/** Of the options that `watch` got: the member they belong to. */
const kMember = Symbol('ferrohttp.member')

type Options = ClientOptions & { [kMember]?: Member }

export class AgentPool {
  readonly #agent: Agent
  /** The stack has ended in the middle of a decision: what is counted here may be wrong. See `recover`. */
  isTorn = false
  /** Its end is that of the pool in Rust. */
  readonly #owner = new BindingAgent(environment.native)
  readonly #number = this.#owner.number
  readonly #names = new Map<string, Origin>()
  readonly #numbers = new Map<number, Origin>()
  readonly #members = new Map<number, Member>()

  /** As the pool has been told. */
  #maxSockets: number | undefined
  #maxTotalSockets: number | undefined
  #maxFreeSockets: number | undefined
  #keepAlive: boolean | undefined
  #scheduling: string | undefined
  #beyondTotal = 0
  /** How often anything of the pool has changed but for queues: until then a request that got POOL_WAIT would get it again. */
  #changes = 0

  /** The host that the last request went to. */
  #lastHost: unknown = undefined
  #lastPort: unknown = undefined
  #last: Origin | null = null

  constructor(agent: Agent) {
    this.#agent = agent
  }

  /**
   * Has another pool take over. Sockets in the views stay and are found there by that one; those that were between two views are
   * destroyed, because no request has them.
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

  /** @param given what `getName` has answered: that of a program may be anything */
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

  /** The origin of the host, if the last request went there too; otherwise `getName` is to be asked. */
  lastOrigin(host: unknown, port: unknown): Origin | null {
    const last = this.#last
    if (last === null || this.#lastHost !== host || this.#lastPort !== port) return null
    return last.number === UNKNOWN ? (this.#last = this.origin(last.name)) : last
  }

  setLastOrigin(host: unknown, port: unknown, origin: Origin): void {
    this.#lastHost = host
    this.#lastPort = port
    this.#last = origin
  }

  /** Forgets the name if nothing is left of it. */
  settle(origin: Origin): void {
    const { number } = origin
    if (number === UNKNOWN || origin.active + origin.idle + origin.left > 0) return
    this.#tell(origin)
    if (origin.idle + origin.waiting > 0) return
    if (!poolForget(this.#number, number)) return
    this.#names.delete(origin.name)
    this.#numbers.delete(number)
    origin.number = UNKNOWN
  }

  // ---- what is decided -----------------------------------------------------------------------------------------

  /** What a request gets: an idle socket, which has left `freeSockets` and is to be `show`n when it is in use. */
  acquire(origin: Origin): Socket | typeof r.POOL_CONNECT | typeof r.POOL_WAIT {
    const { name } = origin
    const free = this.#agent.freeSockets[name]
    this.#tellViews(origin, free)
    if (free !== undefined && free.length > 0 && free[0]!.destroyed) this.#shed(origin, free)
    if (origin.unnamed.length > 0) this.#name(origin)
    if (origin.fullAt === this.#changes) return r.POOL_WAIT
    for (;;) {
      const waiting = lengthOf(this.#agent.requests[name])
      const answer = poolAcquire(this.#number, origin.number, waiting)
      origin.waiting = answer === r.POOL_WAIT ? waiting + 1 : waiting
      if (answer === r.POOL_CONNECT) return r.POOL_CONNECT
      if (answer === r.POOL_WAIT) {
        origin.fullAt = this.#changes
        if (origin.idle > 0 || this.#maxTotalSockets !== Infinity) this.#awaitSpoilt()
        return r.POOL_WAIT
      }
      this.#changes++
      const member = this.#members.get(answer)!
      const { socket } = member
      member.state = 'active'
      origin.idle--
      origin.active++
      // What a program has taken out of the view, though it put another one there, is its own.
      if (!drop(this.#agent.freeSockets, name, socket)) this.#remove(member)
      else if (socket.destroyed) this.#leave(member)
      else return socket
    }
  }

  /** A request has to wait, perhaps for the place of an idle connection that stands no longer, which nothing else awaits. */
  #awaitSpoilt(): void {
    for (const { socket, state } of this.#members.values()) if (state === 'idle') awaitEndIfClosed(socket)
  }

  /** A socket that was idle is in use. */
  show(origin: Origin, socket: Socket): void {
    ;(this.#agent.sockets[origin.name] ??= []).push(socket)
  }

  /** A request is told to wait. */
  queue(origin: Origin, request: ClientRequest): void {
    ;(this.#agent.requests[origin.name] ??= []).push(request)
  }

  /** What becomes of a socket that has nothing to do: POOL_SERVE, POOL_KEEP or POOL_CLOSE. */
  released(origin: Origin, reusable: boolean): number {
    // POOL_WAIT has promised it: the answer is known, and that there is one less in the queue is told with the next question.
    if (lengthOf(this.#agent.requests[origin.name]) > 0) return r.POOL_SERVE
    this.#tell(origin)
    return poolReleased(this.#number, origin.number, reusable)
  }

  /** After POOL_SERVE: whose turn it is. */
  unqueue(origin: Origin): ClientRequest {
    const { requests } = this.#agent
    const waiting = requests[origin.name]!
    const request = waiting.shift()!
    if (waiting.length === 0) delete requests[origin.name]
    return request
  }

  /** A socket has been made for a name. */
  opened(name: string, socket: Socket, options: Options): void {
    const origin = this.origin(name)
    const number = poolOpened(this.#number, origin.number)
    options[kMember] = this.#join({ socket, origin, number, state: 'active' })
    ;(this.#agent.sockets[name] ??= []).push(socket)
    this.#agent.totalSocketCount++
  }

  /**
   * The socket idles from now on. False if it has to leave the agent first, because somebody may get a connection in its
   * place, or because it is not one of the agent's.
   */
  keep(origin: Origin, socket: Socket, options: Options): boolean {
    const member = this.#find(origin, socket, options, true)
    if (member === undefined) return false
    const slot = slotOf(socket)
    if (!poolKeep(this.#number, member.number, slot, generationOf(socket))) return false
    this.#changes++
    if (slot === NOT_YET) origin.unnamed.push(member)
    member.state = 'idle'
    origin.active--
    origin.idle++
    drop(this.#agent.sockets, origin.name, socket)
    ;(this.#agent.freeSockets[origin.name] ??= []).push(socket)
    return true
  }

  /** A socket that is not, or no longer, one of the agent's idles there from now on. */
  adopt(name: string, socket: Socket, options: Options): void {
    const origin = this.origin(name)
    options[kMember] = this.#adopted(origin, socket)
    ;(this.#agent.freeSockets[name] ??= []).push(socket)
  }

  /**
   * The socket leaves the agent; one that can be written to stays where it idles, as in Node.
   * @returns whether there is room for another in its place
   */
  remove(origin: Origin, socket: Socket, options: Options): boolean {
    let room = true
    const agent = this.#agent
    drop(agent.sockets, origin.name, socket)
    const active = this.#find(origin, socket, options, true)
    if (active !== undefined) this.#remove(active)
    if (!socket.writable) {
      const shownIdle = drop(agent.freeSockets, origin.name, socket)
      // One that was in use idles too only where a program has put it there: not worth a look at all members.
      const other = active === undefined || shownIdle ? this.#find(origin, socket, options, false) : undefined
      if (other !== undefined) room = this.#remove(other)
    }
    return room
  }

  /** The request that gets a connection now that one of `origin` is gone. It stays where it waits until it has it. */
  next(origin: Origin): ClientRequest | undefined {
    this.#tell(origin)
    for (;;) {
      const answer = poolNext(this.#number, origin.number)
      if (answer === r.POOL_NONE) return undefined
      const other = this.#numbers.get(answer > r.POOL_NONE ? answer : r.POOL_BUSY - answer)!
      // The views of that one may have changed, too.
      if (!this.#tell(other)) return answer > r.POOL_NONE ? this.#agent.requests[other.name]![0] : undefined
      this.settle(other)
    }
  }

  // ---- what programs write -------------------------------------------------------------------------------------

  /** Tells what differs from what the pool knows. @returns whether anything did, of the views of the name */
  #tell(origin: Origin): boolean {
    const told = this.#tellViews(origin, this.#agent.freeSockets[origin.name])
    const waiting = lengthOf(this.#agent.requests[origin.name])
    if (waiting === origin.waiting) return told
    origin.waiting = waiting
    // Who waits next has to be told of: others may go first.
    if (waiting === 0) origin.fullAt = -1
    poolSetShown(this.#number, origin.number, origin.beyond, waiting)
    return true
  }

  /** As `#tell`, but for the queue. */
  #tellViews(origin: Origin, free: Socket[] | undefined): boolean {
    const agent = this.#agent
    if (
      agent.maxSockets !== this.#maxSockets ||
      agent.maxTotalSockets !== this.#maxTotalSockets ||
      agent.maxFreeSockets !== this.#maxFreeSockets ||
      agent.keepAlive !== this.#keepAlive ||
      agent.scheduling !== this.#scheduling
    )
      this.#tellLimits()
    if (lengthOf(free) !== origin.idle) this.#retake(origin, free ?? [])
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

  #tellLimits(): void {
    const { maxSockets, maxTotalSockets, maxFreeSockets, keepAlive, scheduling } = this.#agent
    this.#maxSockets = maxSockets
    this.#maxTotalSockets = maxTotalSockets
    this.#maxFreeSockets = maxFreeSockets
    this.#keepAlive = keepAlive
    this.#scheduling = scheduling
    this.#changes++
    poolSetLimits(
      this.#number,
      Number(maxSockets),
      Number(maxTotalSockets),
      Number(maxFreeSockets),
      Boolean(keepAlive),
      scheduling === 'fifo',
    )
  }

  /** A program has changed the list of a name's idle sockets: as it is now it holds. */
  #retake(origin: Origin, free: Socket[]): void {
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

  /** @returns as `remove` */
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
    if (slot === NOT_YET) origin.unnamed.push(member)
    return member
  }

  /** Tells which connections idle members have got by now. */
  #name(origin: Origin): void {
    origin.unnamed = origin.unnamed.filter((member) => {
      const slot = slotOf(member.socket)
      if (slot === NOT_YET) return member.number !== UNKNOWN
      this.#changes++
      poolNamed(this.#number, member.number, slot, generationOf(member.socket))
      return false
    })
  }

  /** The member that a socket is for a name, in use or not. */
  #find(origin: Origin, socket: Socket, options: Options, active: boolean): Member | undefined {
    const own = options[kMember]
    if (own !== undefined && is(own, origin, socket)) return (own.state === 'active') === active ? own : undefined
    for (const member of this.#members.values())
      if (is(member, origin, socket) && (member.state === 'active') === active) return member
    return undefined
  }

  /** Sockets that idled and are destroyed go out of the view as long as they are the first in it: so Node. */
  #shed(origin: Origin, free: Socket[]): void {
    while (free.length > 0 && free[0]!.destroyed) {
      const member = this.#members.get(poolOldest(this.#number, origin.number))!
      if (member.socket === free[0]) {
        free.shift()
        this.#leave(member)
      } else {
        // A program has sorted them.
        this.#retake(origin, free)
      }
    }
    if (free.length === 0) delete this.#agent.freeSockets[origin.name]
  }

  /** It is offered to nobody any more, and counts for the total until it is removed. */
  #leave(member: Member): void {
    this.#changes++
    poolLeft(this.#number, member.number)
    member.origin[member.state]--
    member.state = 'left'
    member.origin.left++
  }
}

function is(member: Member, origin: Origin, socket: Socket): boolean {
  return member.socket === socket && member.origin === origin && member.number !== UNKNOWN
}

function lengthOf(list: unknown[] | undefined): number {
  // Programs may have put something else there.
  return list === undefined ? 0 : list.length | 0
}
