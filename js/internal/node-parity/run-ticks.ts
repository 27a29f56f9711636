/** Runs the queued ticks and promise jobs, as Node does between two callbacks from native code. */
export const runTicks = (process as unknown as { _tickCallback?: () => void })._tickCallback ?? ((): void => {})
