// SIGHUP, which never ends the program: while it starts it is kept in mind, and when it stops there is nothing left to do for it.
//
// One is answered at a time, and those that come meanwhile are one more: a disk that stands still, and a cron job that asks every
// minute, must not make a heap of them, each of which opens all files.

export class HangUps {
  #answer: (() => Promise<void>) | undefined
  #isAsked = false
  #isAnswering = false

  /** Listens from now on. */
  constructor() {
    process.on('SIGHUP', () => {
      this.#isAsked = true
      void this.#work()
    })
  }

  /** Each is answered with this, from the one that came before on; it is not expected to reject. */
  begin(answer: () => Promise<void>): void {
    this.#answer = answer
    void this.#work()
  }

  end(): void {
    this.#answer = undefined
  }

  async #work(): Promise<void> {
    if (this.#isAnswering) return
    this.#isAnswering = true
    while (this.#isAsked && this.#answer) {
      this.#isAsked = false
      await this.#answer()
    }
    this.#isAnswering = false
  }
}
