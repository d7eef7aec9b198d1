// `sluice explain`, as a user runs it.

import { expect, test } from 'vitest'
import { newConfig, run } from './program.ts'

const good = `sources: { in: { type: syslog, listen: ["udp://127.0.0.1:0"] }, apps: { type: stdin } }
destinations: { out: { type: file, path: "/var/log/remote/{host}.log" } }
routes: [{ where: "severity:>=err", to: [out] }]
`

test('explain shows the fields, route and file of a line, as text and as JSON', async () => {
  const path = newConfig(good)
  const input = '<34>Oct 11 22:14:15 web-1 su[7]: failed\n'
  const words = await run(['explain', '-c', path], { input })
  expect(words.status).toBe(0)
  expect(words.stdout).toContain('lands in  out (file) /var/log/remote/web-1.log\n')
  const { stdout } = await run(['explain', '-c', path, '--json'], { input })
  expect(JSON.parse(stdout)).toMatchObject({ routes: [1], destinations: [{ name: 'out', type: 'file' }] })
})

test('explain: exit status 2 for an unknown source', async () => {
  const { status, stderr } = await run(['explain', '-c', newConfig(good), '--source', 'inn'])
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: 'there is no source "inn"; the configuration has in, apps\n',
  })
})

test('explain: exit status 2 for the sender of a line whose source has none', async () => {
  const { status, stderr } = await run(['explain', '-c', newConfig(good), '--source', 'apps', '--from', '192.0.2.7'])
  const said = '--from: "apps" is a stdin source, which has no other senders than this machine\n'
  expect({ status, stderr }).toEqual({ status: 2, stderr: said })
})
