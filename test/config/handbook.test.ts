// HANDBOOK.md and the JSON schema match the code. `npm run handbook` (SLUICE_HANDBOOK=write) regenerates them.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { format } from 'prettier'
import { expect, test } from 'vitest'
import { modes, type Mode } from '../../config/configuration.ts'
import { configurationSchema, filled, sections } from './handbook-tables.ts'

const writes = process.env['SLUICE_HANDBOOK'] === 'write'
const handbookPath = new URL('../../HANDBOOK.md', import.meta.url)
const schemaPath = new URL('../../config/sluice.schema.json', import.meta.url)

/** All commands that have a file, by name; daemon.ts has one for each mode. */
async function commands(): Promise<Command[]> {
  const folder = new URL('../../config/command/', import.meta.url)
  const made: Command[] = []
  for (const file of readdirSync(folder).toSorted()) {
    const exported = (await import(new URL(file, folder).href)) as Record<string, (mode?: Mode) => Command>
    const make = Object.entries(exported).find(([name]) => /^[a-z]\w*Command$/.test(name))?.[1]
    if (make) made.push(...(file === 'daemon.ts' ? modes.map((mode) => make(mode)) : [make()]))
  }
  return made
}

const formatted = (text: string, parser: string) => format(text, { parser, printWidth: 120 })

/** Expects that a file has this content, or writes it. */
function hold(path: URL, wanted: string): void {
  if (writes) writeFileSync(path, wanted)
  expect(readFileSync(path, 'utf8') === wanted, `${path.pathname} is out of date: npm run handbook`).toBe(true)
}

test('the handbook has all options, commands, fault codes, metrics, drop reasons and defects of the code', async () => {
  const handbook = readFileSync(handbookPath, 'utf8')
  hold(handbookPath, await formatted(filled(handbook, sections(await commands())), 'markdown'))
})

test('the JSON schema matches the declarations', async () => {
  hold(schemaPath, await formatted(JSON.stringify(configurationSchema()), 'json'))
})
