import { expect, test } from 'vitest'
import { parseExpression } from '../../common/expression/parse.ts'
import { fieldsRead } from '../../common/expression/reads.ts'

test.each([
  ['*', []],
  ['word /re/ message:x', ['message']],
  ['*.err;mail.none', ['priority']],
  ['severity:err -facility:mail', ['priority']],
  ['since:2h OR host:a', ['time', 'host']],
  [
    '-(program:a pid:1) msgid:x from:::1 source:s sd.a.b:c',
    ['program', 'pid', 'msgid', 'from', 'source', 'structured'],
  ],
])('fields read by %s', (text, expected) => expect([...fieldsRead(parseExpression(text))]).toEqual(expected))
