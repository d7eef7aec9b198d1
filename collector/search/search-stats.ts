// What a search read and what it skipped, for `--stats`.

/** Why a block was ruled out without reading it. */
export type SkipReason = 'time' | 'priority' | 'host' | 'program' | 'text'

export class SearchStats {
  blocks = 0
  readonly skipped: Record<SkipReason, number> = { time: 0, priority: 0, host: 0, program: 0, text: 0 }
  /** Blocks whose summary alone answered the search. */
  answered = 0
  read = 0
  bytesDecoded = 0
  /** Messages in the blocks that were read. */
  messages = 0
  /** Messages selected. */
  selected = 0

  /** The text that `--stats` prints. */
  describe(seconds: number): string {
    const skipped = Object.entries(this.skipped).filter(([, count]) => count > 0)
    const left = skipped.reduce((sum, [, count]) => sum + count, 0)
    const reasons = skipped.map(([reason, count]) => `${reason} ${count}`).join(', ')
    const rate = seconds > 0 ? `, ${megabytes(this.bytesDecoded / seconds)}/s` : ''
    return [
      `blocks    ${this.blocks}: ${this.read} read, ${left} skipped${reasons === '' ? '' : ` (${reasons})`}, ` +
        `${this.answered} answered by their summary`,
      `messages  ${this.messages} in the blocks read, ${this.selected} selected`,
      `bytes     ${megabytes(this.bytesDecoded)} decoded${rate}`,
      `time      ${(seconds * 1000).toFixed(0)} ms`,
      '',
    ].join('\n')
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 2 : 0)} MB`
}
