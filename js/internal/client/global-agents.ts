/** `https.globalAgent`. It is made when ferrohttp's https is loaded, because that loads node:tls, which takes 20 ms. */
import type { SecureAgent } from '../https/agent.js'
import { isEnabledByEnvironment, proxyVariables, type ProxyEnvironment } from './proxy.js'

type Create = (proxyEnv: ProxyEnvironment | undefined) => SecureAgent

export class SecureGlobalAgent {
  current!: SecureAgent
  #create: Create | null = null
  #proxyEnv = isEnabledByEnvironment() ? proxyVariables(process.env) : undefined

  create(create: Create): void {
    this.#create = create
    this.current = create(this.#proxyEnv)
  }

  /**
   * Makes requests without an agent use these proxies.
   * @returns a function that restores the previous agent
   */
  setProxies(proxyEnv: ProxyEnvironment): () => void {
    const [proxiesBefore, agentBefore] = [this.#proxyEnv, this.current]
    this.#proxyEnv = proxyEnv
    if (this.#create !== null) this.current = this.#create(proxyEnv)
    return () => {
      this.#proxyEnv = proxiesBefore
      if (this.#create !== null) this.current = agentBefore ?? this.#create(proxiesBefore)
    }
  }
}

export const secureGlobalAgent = new SecureGlobalAgent()
