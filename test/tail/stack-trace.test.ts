import { expect, test } from 'vitest'
import { Slab, SlabPool } from '../../common/pipeline/slab.ts'
import { Lines } from '../../shipper/tail/lines.ts'
import { indented, type MessageStart } from '../../shipper/tail/message-start.ts'
import { stacktrace } from '../../shipper/tail/stack-trace.ts'

/** The messages that a text is split into. */
function messagesOf(text: string, rule: MessageStart = stacktrace): string[] {
  const bytes = Buffer.from(text)
  const lines = new Lines()
  lines.split(new Slab(new SlabPool(), bytes), 0, bytes.length, 1 << 20, true, rule)
  return Array.from({ length: lines.count }, (_, i) =>
    bytes.toString('utf8', lines.bounds[2 * i], lines.bounds[2 * i + 1]),
  )
}

const python = (last: string) => `2026-11-27 10:00:00,036 ERROR app.worker lookup failed
Traceback (most recent call last):
  File "/srv/app.py", line 8, in <module>
    f(5)
  [Previous line repeated 2 more times]
  File "/srv/app.py", line 5, in f
    raise socket.gaierror(-2, 'Name or service not known')
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
${last}`

const syntaxError = `2026-11-27 10:00:00,048 ERROR app.worker syntax
Traceback (most recent call last):
  File "<x>", line 1
    a b
      ^
SyntaxError: invalid syntax`

const chained = `${python('socket.gaierror: [Errno -2] Name or service not known')}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app.py", line 17, in <module>
    {}['x']
    ~~^^^^^
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app.py", line 13, in <module>
    raise ValueError('bad') from e
ValueError: bad`

const goPanic = `panic: runtime error: index out of range [5] with length 3
\tpanic: again

goroutine 1 [running]:
main.f(...)
\t/srv/x.go:8
main.(*T).m(0xc000018120, {0x1, 0x2})
\t/srv/x.go:10 +0x2a
main.main()
\t/srv/x.go:12 +0x1d

goroutine 18 [chan receive]:
main.w(0xc000018120)
\t/srv/x.go:5 +0x3a
created by main.main in goroutine 1
\t/srv/x.go:11 +0x65
exit status 2`

const goServer = `2026/11/27 10:00:01 http: panic serving 127.0.0.1:53210: boom
goroutine 6 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1868 +0xb9
panic({0x6b1ba0?, 0x7b2d40?})
\t/usr/local/go/src/runtime/panic.go:920 +0x270
...additional frames elided...
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb`

const java = `2026-11-27 10:00:03 ERROR failed
com.acme.Pool$TimeoutException: none free
\tat com.acme.Pool.take(Pool.java:3)
\tSuppressed: java.lang.IllegalStateException: sup
\t\t... 2 more
Caused by: java.lang.NumberFormatException: For input string: "x"
\tat java.base/java.lang.Integer.parseInt(Integer.java:668)
\t... 2 more`

const javaThrowable = '2026-11-27 10:00:05 ERROR here\njava.lang.Throwable\n\tat com.acme.Main.main(Main.java:10)'

const node = `2026-11-27T10:00:00Z Error: outer
    at file:///srv/n.js:6:13
    at ModuleJob.run (node:internal/modules/esm/module_job:325:25) {
  code: 'E_X',
  [cause]: TypeError: inner
      at file:///srv/n.js:6:38
}`

const php = `[27-Nov-2026 10:00:00 UTC] PHP Fatal error:  Uncaught Exception: boom in /var/www/x.php:3
Stack trace:
#0 /var/www/x.php(7): f()
#1 {main}
  thrown in /var/www/x.php on line 3`

const ruby = `E, [2026-11-27T10:00:00.0 #1] ERROR -- : boom (RuntimeError)
/app/x.rb:3:in \`f'
/app/x.rb:7:in 'block in Object#g'`

const rubyUncaught = "x.rb:3:in `f': boom (RuntimeError)\n\tfrom x.rb:7:in `<main>'"

const traces = {
  'Python, a class with a module': python('socket.gaierror: [Errno -2] Name or service not known'),
  'Python, a class with any name': python('MyFail: x'),
  'Python, a class without a text': python('StopIteration'),
  'Python, an error of syntax': syntaxError,
  'Python, three in a row': chained,
  'Go, a panic': goPanic,
  'Go, a server': goServer,
  'Java, an inner class': java,
  'Java, without a text': javaThrowable,
  Node: node,
  PHP: php,
  Ruby: ruby,
  'Ruby, uncaught': rubyUncaught,
}

for (const [name, trace] of Object.entries(traces)) {
  test(`stacktrace: a trace is one message, and the lines around it are others: ${name}`, () => {
    const lines = ['INFO before', trace, 'INFO: after', 'last']
    expect(messagesOf(`${lines.join('\n')}\n`)).toEqual(lines)
    expect(messagesOf(`${lines.join('\n').replaceAll('\n', '\r\n')}\r\n`)).toEqual(
      lines.map((line) => line.replaceAll('\n', '\r\n')),
    )
    expect(messagesOf(`${trace}\n${trace}\n`)).toEqual([trace, trace])
  })
}

test('stacktrace: what only looks like the last line of a trace begins a message', () => {
  const lines = [
    ...['settings:\n    port: 514', 'started: yes', 'ValueError: of its own', 'main.main()', 'done', '}'],
    ...['INFO\n  more', 'Ready:', python('ValueError: two\n  field required'), 'INFO:     Started', 'main.f() called'],
  ]
  expect(messagesOf(`${lines.join('\n')}\n`)).toEqual(lines)
})

test('stacktrace: one empty line is part of a message, two end it', () => {
  expect(messagesOf('one\n\n  more\n\nCaused by: x\n\n\n  other\n\n\n\nCaused by: y\n')).toEqual([
    'one\n\n  more\n\nCaused by: x',
    '  other',
    'Caused by: y',
  ])
})

test('indented: a message does not begin with an empty line', () => {
  expect(messagesOf('one\n  more\n\n  after a gap\ntwo\n', indented)).toEqual(['one\n  more', '  after a gap', 'two'])
})
