// Handles SIGHUP, which never ends the program: during the start it is remembered, during a stop it is ignored.
//
// Only one is handled at a time, and all that arrive meanwhile count as one more. Otherwise a disk that hangs and a cron job that sends
// SIGHUP every minute would pile up reopenings of all files.

export class Sighups {
  #answer: (() => Promise<void>) | undefined
  #isAsked = false
  #isAnswering = false

  /** Installs the signal handler. */
  constructor() {
    process.on('SIGHUP', () => {
      this.#isAsked = true
      void this.#work()
    })
  }

  /** Calls `answer` for each signal, also for one that came before. `answer` must not reject. */
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
