// One write of the sink: its bytes may go to many files, and it settles when the last piece is where it must be.

export class Ticket {
  /** Resolves when every piece is written; a rejection says that the destination closed first. */
  readonly settled: Promise<void>
  #pieces = 1
  #resolve!: () => void
  #reject!: (reason: unknown) => void
  /** Some of its bytes are in a file whose length is committed with stream marks. */
  tracked = false
  /** Bytes that were rendered for it. */
  bytes = 0

  constructor() {
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** One more piece to wait for. */
  hold(): void {
    this.#pieces += 1
  }

  /** One piece is done. The ticket starts with one, which whoever made it lets go of last. */
  release(): void {
    this.#pieces -= 1
    if (this.#pieces === 0) this.#resolve()
  }

  reject(reason: unknown): void {
    this.#reject(reason)
  }
}
