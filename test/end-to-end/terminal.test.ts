// What senders write must not control the terminal that it is shown on.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { testWith } from './peers.ts'
import { freePort, run, temporaryFolder } from './program.ts'

const HOSTILE = '<13>Nov 28 11:00:00 web app: \u001b]0;title\u0007 \u001b[2J \u009b31m é'

testWith(
  ['script'],
  'on a terminal, spool cat and parse escape control characters; into a pipe they do not',
  async () => {
    const folder = temporaryFolder()
    const config = join(folder, 'sluice.yaml')
    writeFileSync(
      config,
      `data: ${folder}/data
drain: 100ms
sources: { in: { type: stdin } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${await freePort()}"], buffer: {} } }
`,
    )
    const input = `${HOSTILE}\n`
    await run(['server', '-c', config], { input })
    const cat = ['spool', 'cat', '-O', 'raw', `${folder}/data/spool/up`]
    const shown = async (words: readonly string[], from = '/dev/null') => {
      const under = ['sh', '-c', `script -qec "$* < ${from}" /dev/null`, 'sh']
      return (await run(words, { under })).stdout
    }
    expect((await run(cat)).stdout).toBe(input)
    expect(await shown(cat)).toBe('<13>Nov 28 11:00:00 web app: #033]0;title#007 #033[2J #302#23331m é\r\n')
    const file = join(folder, 'input')
    writeFileSync(file, input)
    const parsed = await shown(['parse'], file)
    expect(parsed.replaceAll('\r\n', '')).not.toMatch(/\p{Cc}/u)
    expect(parsed).toContain('"program":"app"')
  },
)
