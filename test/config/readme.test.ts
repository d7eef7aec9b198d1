// The configurations in README.md are those of one chain: a client that sends to a relay, which sends to a server.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Explainer, likelySource } from '../../config/explanation.ts'
import { loadText } from '../../config/load.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const texts = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text)

test('a line of an application comes through the client, the relay and the server of the readme to the archive', () => {
  expect(texts).toHaveLength(3)
  // What the client sends over RELP to a sluice: the line with the priority of its source.
  let line = 'a line'
  const reached = texts.map((text) => {
    const { configuration, faults } = loadText('README.md', text)
    expect(faults).toEqual([])
    const explainer = new Explainer(configuration!, likelySource(configuration!), 'web-1', undefined)
    const { destinations } = explainer.explain(Buffer.from(line), Date.UTC(2026, 10, 20) * 1000)
    line = `<${explainer.origin.priority}>web-1 app: a line`
    return destinations.map(({ name }) => name)
  })
  expect(reached).toEqual([['central'], ['central'], ['archive']])
})
