// HANDBOOK.md and the JSON schema say what the code says. `npm run handbook` writes them anew (SLUICE_HANDBOOK=write).

import { readFileSync, writeFileSync } from 'node:fs'
import { format } from 'prettier'
import { expect, test } from 'vitest'
import { checkCommand } from '../../config/command/check.ts'
import { explainCommand } from '../../config/command/explain.ts'
import { daemonCommand } from '../../config/command/daemon.ts'
import { parseCommand } from '../../config/command/parse.ts'
import { modes } from '../../config/configuration.ts'
import { configurationSchema, filled, sections } from './handbook-tables.ts'

const writes = process.env['SLUICE_HANDBOOK'] === 'write'
const handbookPath = new URL('../../HANDBOOK.md', import.meta.url)
const schemaPath = new URL('../../config/sluice.schema.json', import.meta.url)

const commands = () => [...modes.map(daemonCommand), checkCommand(), parseCommand(), explainCommand()]

const formatted = (text: string, parser: string) => format(text, { parser, printWidth: 120 })

/** Holds a file to what it should be, or writes it. */
function hold(path: URL, wanted: string): void {
  if (writes) writeFileSync(path, wanted)
  expect(readFileSync(path, 'utf8') === wanted, `${path.pathname} is out of date: npm run handbook`).toBe(true)
}

test('the handbook has every option, command, fault code, metric and defect as the code has them', async () => {
  const handbook = readFileSync(handbookPath, 'utf8')
  hold(handbookPath, await formatted(filled(handbook, sections(commands())), 'markdown'))
})

test('the JSON schema is that of the declarations', async () => {
  hold(schemaPath, await formatted(JSON.stringify(configurationSchema()), 'json'))
})
