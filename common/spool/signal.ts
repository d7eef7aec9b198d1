// Something that happens again and again, and that is waited for.

export class Signal {
  #next: Promise<void> | undefined
  #resolve: (() => void) | undefined

  /** Resolves when it happens next; all who wait share one promise. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    return this.#next
  }

  raise(): void {
    const resolve = this.#resolve
    this.#next = undefined
    this.#resolve = undefined
    resolve?.()
  }
}
