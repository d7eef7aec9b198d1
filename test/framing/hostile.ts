// Streams that peers, broken senders and attackers send: a name, and the bytes (latin1, so that each character is a
// byte). Every byte must be delivered in some message, unless it is framing.

export type Hostile = readonly [what: string, stream: string]

const BODY = '<13>body of it'
const utf8 = (text: string) => Buffer.from(text).toString('latin1')
const each = <T>(values: readonly T[], make: (value: T) => Hostile): Hostile[] => values.map(make)

/** Octet counts, and text that looks like one. */
const COUNTS: readonly Hostile[] = [
  ...each(['0', '00', '000', '0000000000', '00000000000'], (digits) => [`a count of ${digits}`, `${digits} ${BODY}\n`]),
  ...each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], (zeros) => [
    `${zeros} leading zeros`,
    `${'0'.repeat(zeros)}14 ${BODY}14 ${BODY}`,
  ]),
  ...each([9, 10, 11, 12, 20, 40, 400, 4000], (digits) => [
    `a count of ${digits} nines`,
    `${'9'.repeat(digits)} ${BODY}\n<13>next\n`,
  ]),
  ...each([67108863, 67108864, 67108865, 99999999, 2147483647, 2147483648, 4294967295, 4294967296], (count) => [
    `a count of ${count}`,
    `${count} ${BODY}\n<13>next\n`,
  ]),
  ...each(['18446744073709551615', '9223372036854775807', '9007199254740993'], (digits) => [
    `a count too large for a number: ${digits}`,
    `${digits} ${BODY}\n`,
  ]),
  ...each(['-14', '+14', '14.0', '1e1', '0x0e', '1_4', '14,', ' 14', '\t14', '14\t', '1 4'], (digits) => [
    `not a count: ${JSON.stringify(digits)}`,
    `${digits} ${BODY}\n<13>next\n`,
  ]),
  ...each([utf8('١٤'), utf8('１４'), utf8('Ⅻ')], (digits) => [
    `digits of another script: ${digits}`,
    `${digits} ${BODY}\n`,
  ]),
  ['a count and two spaces', `14  ${BODY}\n`],
  ['a count without its space', `14${BODY}\n`],
  ['a count and a tab', `14\t${BODY}\n`],
  ['a count and a newline', `14\n${BODY}\n`],
  ['a count and CR LF', `14\r\n${BODY}\r\n`],
  ['a count and NUL', `14\0${BODY}\0`],
  ['a count and a message without PRI', '12 monkeys arr\n'],
  ['a count and nothing after it', '14 '],
  ['a count and only <', '14 <'],
  ['a count alone', '14'],
  ['a count of a count', `17 14 ${BODY}\n`],
  ['a count in front of a count', `14 14 ${BODY}\n`],
  ['counts, nothing but counts', '1 2 3 4 5 6 7 8 9'],
  ['counts of one byte', '1 <1 <1 <1 <'],
  ['a thousand counts of one byte', '1 <'.repeat(1000)],
]

/** A count that is wrong by some bytes, in a stream with correct counts or lines. */
const OFF: readonly Hostile[] = [-13, -12, -8, -4, -3, -2, -1, 1, 2, 3, 4, 5, 8, 13, 17, 18, 19, 100].flatMap((by) => {
  const wrong = `${BODY.length + by} ${BODY}`
  const right = `${BODY.length} ${BODY}`
  return [
    [`a count off by ${by}, then correct ones`, wrong + right + right],
    [`a count off by ${by}, then lines`, `${wrong}\n<13>one\n<13>two\n`],
    [`a count off by ${by}, then correct ones and a line`, `${wrong}${right}${right}\n<13>one\n${right}`],
    [`a count off by ${by}, twice, with a correct one in between`, wrong + right + wrong + right],
    [`a count off by ${by} after a correct one, with newlines`, `${right}\n${wrong}\n${right}\n`],
  ] as const
})

/** Bytes that end a line, and bytes that only seem to. */
const ENDS: readonly Hostile[] = [
  ...each(
    ['\n', '\r', '\0', '\r\n', '\n\r', '\n\n', '\r\r\n', '\0\n', '\n\0', '\r\0', '\0\0\0', '\n\r\0\n\r\0'],
    (end) => [`lines that end with ${JSON.stringify(end)}`, `<13>a${end}<13>b${end}<13>c${end}`],
  ),
  ...each(['\n', '\r', '\0', '\r\n', '\n\r', ' ', '\t'], (end) => [
    `a counted frame, then ${JSON.stringify(end)}, three times`,
    `14 ${BODY}${end}`.repeat(3),
  ]),
  ...each(['\n', '\r', '\0', '\r\n', '\n\n'], (end) => [
    `a count that includes ${JSON.stringify(end)}`,
    `${14 + end.length} ${BODY}${end}`.repeat(3),
  ]),
  ...each(['\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\x85', utf8('\u2028'), utf8('\u2029'), '\\n', '#012'], (end) => [
    `not the end of a line: ${JSON.stringify(end)}`,
    `<13>a${end}<13>b\n`,
  ]),
  ['a thousand empty lines', '\n'.repeat(1000)],
  ['a thousand CRs', '\r'.repeat(1000)],
  ['a thousand NULs', '\0'.repeat(1000)],
  ['empty lines around a line', '\n\n\r\n\0<13>a\n\0\r\n\n'],
  ['a line without an end', '<13>never ended'],
  ['CR at the end of the stream', '<13>a\r'],
  ['CR in the middle of a line', '<13>a\rb\n'],
  ['a counted frame of lines', '15 <13>a\n<13>b\n<13c<13>d\n'],
  ['a counted frame with NUL inside', '7 <13>a\0b<13>c\n'],
  ['a counted frame of newlines only after PRI', '8 <13>\n\n\n\n<13>b\n'],
]

/** Text that follows no grammar. */
const TEXT: readonly Hostile[] = [
  ...each(
    ['<', '>', '<>', '<<', '<<<<13>', '<13', '<999>', '<-1>', '<1a>', '<  13>', '<13>>', '<0000000000013>'],
    (pri) => [`a line that begins with ${pri}`, `${pri}x\n<13>next\n`],
  ),
  ...each(['<', '<1', '<13', '<13>', '1', '13', '13 '], (rest) => [
    `a stream that breaks off at ${rest}`,
    `<13>a\n${rest}`,
  ]),
  ...each(
    Array.from({ length: 32 }, (_, code) => code).filter((code) => ![0, 10, 13].includes(code)),
    (code) => [
      `the control byte ${code}`,
      `<13>a${String.fromCharCode(code)}b\n${String.fromCharCode(code)}\n14 ${BODY}`,
    ],
  ),
  ...each(
    ['\x80', '\xc0\x80', '\xc3', '\xe2\x82', '\xed\xa0\x80', '\xf0\x9f\x98', '\xf8\x88\x80\x80\x80', '\xff\xfe'],
    (bytes) => [
      `invalid UTF-8: ${Buffer.from(bytes, 'latin1').toString('hex')}`,
      `<13>${bytes}\n${bytes}<13>\n4 <13>${bytes}\n`,
    ],
  ),
  ['a byte order mark at the start', utf8('\ufeff<13>a\n')],
  ...each([1, 2], (bytes) => [`${bytes} bytes of a byte order mark`, utf8('\ufeff').slice(0, bytes) + '<13>a\n']),
  ['a byte order mark before each line', utf8('\ufeff<13>a\n\ufeff<13>b\n')],
  ['a byte order mark before each count', utf8(`\ufeff14 ${BODY}`).repeat(3)],
  ['a byte order mark, alone', utf8('\ufeff')],
  ['a byte order mark, alone in a line', utf8('\ufeff\n<13>a\n')],
  ['a byte order mark before a text', utf8('\ufefftext\n\ufeff12 monkeys\n')],
  ['a byte order mark twice', utf8('\ufeff\ufeff<13>a\n')],
  ['a frame inside text after framing was lost', `14 ${BODY}lost > <1> 3 <13> 5 <130>ab 9999 <0>`],
  ['a frame that is only a PRI, inside text after framing was lost', `14 ${BODY}lost 4 <13>14 ${BODY}`],
  ['a frame after digits that belong to the text', `14 ${BODY}port 99999914 ${BODY}14 ${BODY}`],
  ['a frame after more digits than a count may have', `14 ${BODY}${'1'.repeat(30)}0000000014 ${BODY}14 ${BODY}`],
  ['a frame with a count of zero after framing was lost', `14 ${BODY}lost 0 <13>14 ${BODY}`],
  ['a byte order mark at the start, before a count', utf8(`\ufeff14 ${BODY}\n`)],
  ['UTF-16', Buffer.from('<13>a\n<13>b\n', 'utf16le').toString('latin1')],
  ['every byte', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1')],
  ['a TLS handshake on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x0a\x0d\x00rest of it'],
  ['an HTTP request', 'GET / HTTP/1.1\r\nHost: logs\r\nContent-Length: 14\r\n\r\n14 <13>no body'],
  ['a RELP frame', '1 open 85 relp_version=0\nrelp_software=librelp,1.11.0\ncommands=syslog\n'],
  ['a Lumberjack frame', '2W\x00\x00\x00\x012J\x00\x00\x00\x01\x00\x00\x00\x02{}'],
  ['a Beats frame of zeros', '2C\x00\x00\x00\x00'],
  ['zstd', '\x28\xb5\x2f\xfd\x04\x00\x51\x00\x00hello\n\x12\x34'],
  ['gzip', '\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0a\x00'],
  ['JSON without a header', '{"level":"info","text":"12 <13>"}\n[1,2,3]\n"14 <13>x"\n'],
  ['a line of spaces', '     \n<13>a\n'],
  ['a line that is one space', ' \n \n'],
  ['a stack trace', '<13>Error\n    at a (b.js:1:2)\n    at c\n12:30 <13>d\n'],
  ['lines that begin with a year', '2026 <13>x\n2026-11-23 x\n'],
  ['a number that happens to be a plausible count', '5 <13>a is a text\n'],
  ['terminal escapes', '<13>\x1b[2J\x1b]0;owned\x07\n'],
  ['a format string', '<13>%n%n%s%s%x\n'],
  ['a path', '<13>../../etc/passwd\n'],
  ['a line of 100,000 bytes', `<13>${'x'.repeat(100_000)}\n<13>y\n`],
  ['a counted frame of 100,000 bytes', `100000 <13>${'x'.repeat(99_996)}14 ${BODY}`],
  ['100,000 bytes and no end', 'z'.repeat(100_000)],
  ['100,000 digits', '7'.repeat(100_000)],
  ['100,000 digits, line by line', '7\n'.repeat(50_000)],
  ['ten thousand short lines', '<1>\n'.repeat(10_000)],
]

/** Changes from one kind of framing to another. */
const MIXED: readonly Hostile[] = [
  ['a line', '<13>a\n'],
  ['CR LF', '<13>a\r\n'],
  ['NUL', '<13>a\0'],
  ['a count', `14 ${BODY}`],
  ['a count and LF', `14 ${BODY}\n`],
  ['text', 'text 5 <13>x\n'],
  ['a number', '12 monkeys\n'],
].flatMap(([first, a], _, all) => all.map(([then, b]): Hostile => [`${first}, then ${then}`, a + b + a + b]))

export const HOSTILE: readonly Hostile[] = [...COUNTS, ...OFF, ...ENDS, ...TEXT, ...MIXED]
