// Selectors, compared with tables that were derived by hand from syslog.conf(5).

import { describe, expect, test } from 'vitest'
import { facilityNames, severityNames } from '../../common/message/priority.ts'
import { compileSelector, parseSelector, selectorProblems } from '../../common/expression/selector.ts'
import { formatSelector } from './format.ts'

/** For each facility with a selected severity: the names of these severities, or `all`. */
function selected(text: string): Record<string, string> {
  const table = compileSelector(parseSelector(text)!)
  const rows: Record<string, string> = {}
  for (const [facility, name] of facilityNames.entries()) {
    const severities = severityNames.filter((_, severity) => table[facility * 8 + severity] === 1)
    if (severities.length > 0) rows[name] = severities.length === 8 ? 'all' : severities.join(' ')
  }
  return rows
}

function everywhere(severities: string, except: Record<string, string | undefined> = {}): Record<string, string> {
  const rows: Record<string, string> = {}
  for (const name of facilityNames) {
    const own = Object.hasOwn(except, name) ? except[name] : severities
    if (own !== undefined) rows[name] = own
  }
  return rows
}

const worseThanWarning = 'emerg alert crit err warning'

describe('a selector selects what syslog.conf(5) says', () => {
  const cases: [string, Record<string, string>][] = [
    // A severity includes all more severe ones.
    ['kern.err', { kern: 'emerg alert crit err' }],
    ['kern.*', { kern: 'all' }],
    ['kern.debug', { kern: 'all' }],
    ['kern.emerg', { kern: 'emerg' }],
    ['*.*', everywhere('all')],
    ['*.warning', everywhere(worseThanWarning)],
    ['auth,authpriv.*', { auth: 'all', authpriv: 'all' }],
    ['AUTH.Err', { auth: 'emerg alert crit err' }],
    // `=` is that severity only.
    ['mail.=info', { mail: 'info' }],
    ['*.=info', everywhere('info')],
    // `!` removes.
    ['kern.*;kern.!err', { kern: 'warning notice info debug' }],
    ['kern.info;kern.!err', { kern: 'warning notice info' }],
    ['*.*;*.!=info', everywhere('emerg alert crit err warning notice debug')],
    ['mail.*;mail.!=info', { mail: 'emerg alert crit err warning notice debug' }],
    ['mail.!info', {}],
    ['mail.!=info', {}],
    ['kern.!err', {}],
    ['*.!=info', {}],
    // `none` removes everything selected before.
    ['*.info;mail.none', everywhere('emerg alert crit err warning notice info', { mail: undefined })],
    ['mail.none;mail.err', { mail: 'emerg alert crit err' }],
    ['mail.err;mail.none', {}],
    ['mail.none', {}],
    // The examples of the manual.
    ['*.=crit;kern.none', everywhere('crit', { kern: undefined })],
    ['kern.info;kern.!err', { kern: 'warning notice info' }],
    ['mail.*;mail.!=info', { mail: 'emerg alert crit err warning notice debug' }],
    ['*.=info;*.=notice;mail.none', everywhere('notice info', { mail: undefined })],
    ['*.=emerg', everywhere('emerg')],
    ['auth,authpriv.*;mail.none;*.=info', everywhere('info', { auth: 'all', authpriv: 'all' })],
    // A later part only adds, so local6 is not restricted.
    ['*.debug;local6.err', everywhere('all')],
    ['local6.none;local6.err', { local6: 'emerg alert crit err' }],
    ['*.debug;local6.none;local6.err', everywhere('all', { local6: 'emerg alert crit err' })],
    // Double negations.
    ['mail.!none', { mail: 'all' }],
    ['mail.err;mail.!*', {}],
    ['mail.=none;mail.=*', { mail: 'all' }],
    // Aliases and numbers.
    ['security.warn', { auth: worseThanWarning }],
    ['*.panic', everywhere('emerg')],
    ['daemon.error', { daemon: 'emerg alert crit err' }],
    ['4.err', { auth: 'emerg alert crit err' }],
    ['mail.3', { mail: 'emerg alert crit err' }],
    ['*.=6', everywhere('info')],
    ['16,local1.=7', { local0: 'debug', local1: 'debug' }],
    // Facilities of the RFC that syslogd does not have.
    ['ntp,audit,alert,clock.=err', { ntp: 'err', audit: 'err', alert: 'err', clock: 'err' }],
    // `*` in a list of facilities, a mark facility, blanks, and a `;` at the end.
    ['mail,*.=err', everywhere('err')],
    ['*.info;mark.none', everywhere('emerg alert crit err warning notice info')],
    ['mail.=err,news,lpr.=crit', { mail: 'err', news: 'crit', lpr: 'crit' }],
    ['mail.err; news.crit', { mail: 'emerg alert crit err', news: 'emerg alert crit' }],
    ['  mail.=err;  ', { mail: 'err' }],
  ]
  test.each(cases)('%s', (text, expected) => expect(selected(text)).toEqual(expected))
})

test.each([
  ...['', 'mail', 'mail.', '.err', 'mail.err.crit', 'nosuch.err', 'mail.nosuch', 'example.com', 'sshd.service'],
  ...['mail.err news.crit', 'mail.err;;news.crit', ';mail.err', '3.5', '10.0', '1.2.3.4', 'mail.!!err', 'mail.=!err'],
  ...[
    'mail..err',
    'mail,.err',
    ',mail.err',
    'mail.err,crit',
    '24.err',
    'mail.8',
    '"mail.err"',
    '(mail.err)',
    '-mail.err',
  ],
])('%j is not a selector', (text) => expect(parseSelector(text)).toBeUndefined())

test.each([
  ['auth,authprv.*;mail.none', [[5, 12, 'there is no facility "authprv"', 'authpriv']]],
  [
    '*.info; mial.nonne',
    [
      [8, 12, 'there is no facility "mial"', 'mail'],
      [13, 18, 'there is no severity "nonne"', 'none'],
    ],
  ],
  ['*.info;mail.!=wraning', [[14, 21, 'there is no severity "wraning"', 'warning']]],
  ['mail.err;zzzzzz.err', [[9, 15, 'there is no facility "zzzzzz"', undefined]]],
  ['*.warnin', [[2, 8, 'there is no severity "warnin" (quotes make it text)', 'warning']]],
  ['*.=Wraning', [[3, 10, 'there is no severity "Wraning" (quotes make it text)', 'warning']]],
  ['mail,cron.inof', [[10, 14, 'there is no severity "inof" (quotes make it text)', 'info']]],
  ['auth.eror', [[5, 9, 'there is no severity "eror" (quotes make it text)', 'err']]],
  ['auth,authprv.*', [[5, 12, 'there is no facility "authprv" (quotes make it text)', 'authpriv']]],
  ['nonsense,*.info', [[0, 8, 'there is no facility "nonsense" (quotes make it text)', undefined]]],
  ['authprv.*', [[0, 7, 'there is no facility "authprv" (quotes make it text)', 'authpriv']]],
  ['maill.err', [[0, 5, 'there is no facility "maill" (quotes make it text)', 'mail']]],
  ['Autpriv.!=Warn', [[0, 7, 'there is no facility "Autpriv" (quotes make it text)', 'authpriv']]],
  ['local8.*', [[0, 6, 'there is no facility "local8" (quotes make it text)', 'local0']]],
  [
    '*.debg;mial.err',
    [
      [2, 6, 'there is no severity "debg" (quotes make it text)', 'debug'],
      [7, 11, 'there is no facility "mial" (quotes make it text)', 'mail'],
    ],
  ],
])('%j is a selector with misspellings, which are reported', (text, expected) => {
  const found = selectorProblems(text).map(({ start, end, sentence, suggestion }) => [start, end, sentence, suggestion])
  expect(found).toEqual(expected)
})

test.each([
  ...['nosuch.err', 'example.com', 'a.b;c.d', 'mail.err', 'mail err;news.crit'],
  // Names of files, units and identifiers that are similar to a severity.
  ...['*.conf', '*.log', 'kern.log', 'auth.log', 'cron.daily', 'user.name', 'user.done', 'user.note', 'mail.notify'],
  ...[
    'kernel.debug',
    'new.error',
    'mails.3',
    'mails.none',
    'lib.*',
    'com.example.*',
    'main,mail.example',
    'user,name.local',
  ],
  ...['ftp.example', 'syslog.service', 'news.google.com', 'host.warnin', '"*.warnin"'],
])('%j is not reported as a misspelt selector', (text) => {
  expect(selectorProblems(text)).toEqual([])
})

test.each([
  ['auth,authpriv.*;mail.none;*.=info', 'auth,authpriv.*;mail.none;*.=info'],
  ['SECURITY.Error; 2.!=4;', 'auth.err;mail.!=warning'],
  ['mark.err', 'mark.err'],
])('%j is printed as %j', (text, expected) => expect(formatSelector(parseSelector(text)!)).toBe(expected))
