// Tracks one write of the destination. Its bytes may go to many files, and it settles when all pieces are done.

export class PendingWrite {
  /** Resolves when all pieces are done; rejects if the destination was closed first. */
  readonly settled: Promise<void>
  #pieces = 1
  #resolve!: () => void
  #reject!: (reason: unknown) => void
  /** Whether some of its bytes are in a file whose length is committed with stream marks. */
  tracked = false
  /** Number of bytes rendered for it. */
  bytes = 0

  constructor() {
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Adds a piece to wait for. */
  hold(): void {
    this.#pieces += 1
  }

  /** Marks one piece as done. A new write has one piece, which its creator releases last. */
  release(): void {
    this.#pieces -= 1
    if (this.#pieces === 0) this.#resolve()
  }

  reject(reason: unknown): void {
    this.#reject(reason)
  }
}
