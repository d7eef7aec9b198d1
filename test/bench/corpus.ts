// Messages that resemble real logs, from a seed: hundreds of hosts and programs in uneven shares, a thousand templates with
// pids, addresses, ids, users and durations in them, about 145 bytes each. Nothing is copied from anybody's logs.

/** Small, fast, and the same on every machine (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Syslog = 'rfc3164' | 'rfc5424'

const roles = ['web', 'db', 'mail', 'cache', 'proxy', 'app', 'auth', 'build', 'queue', 'edge']
const daemons = [
  ...['sshd', 'nginx', 'cron', 'kernel', 'systemd', 'postfix/smtpd', 'postfix/qmgr', 'dovecot', 'named', 'haproxy'],
  ...['sudo', 'dhcpd', 'ntpd', 'postgres', 'mysqld', 'redis', 'docker', 'kubelet', 'etcd', 'puppet-agent'],
]
// Daemons that fork for each connection or job: their pids count up. All others keep theirs for days.
const forking = new Set(['sshd', 'cron', 'sudo', 'postfix/smtpd', 'dovecot', 'postgres'])
const words = (
  'accepted rejected opened closed started stopped failed retried queued removed loaded expired renewed flushed synced ' +
  'connection session request message transaction lease job certificate volume route query worker thread socket device ' +
  'peer timeout user interface pool status cache reload update backend upstream handshake snapshot index buffer segment ' +
  'password publickey service unit slice target mount filesystem memory limit threshold replica primary standby leader ' +
  'while during after before because without already temporarily permanently successfully unexpectedly for from with'
).split(' ')
const users = 'root admin deploy backup www-data postgres alice bob carol dave erin frank grace heidi'.split(' ')
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const TEMPLATES = 1000
const CLIENTS = 3000

/** An endless stream of messages; the same seed gives the same messages. */
export class Corpus {
  readonly #random: () => number
  readonly #syslog: Syslog
  readonly #hosts: string[] = []
  readonly #programs: string[] = []
  readonly #clients: string[] = []
  readonly #templates: (() => string)[] = []
  readonly #pids = new Map<string, number>()
  #time: number

  /** `start` is the first message's time, ms since the epoch; a hundred messages share a second. */
  constructor(syslog: Syslog, seed: number = 1, start: number = Date.UTC(2026, 10, 23, 6)) {
    this.#syslog = syslog
    this.#random = randomFrom(seed)
    this.#time = start
    for (let i = 0; i < 400; i += 1) this.#hosts.push(`${this.#of(roles)}-${1 + this.#int(60)}.site${this.#int(4)}`)
    for (let i = 0; i < 200; i += 1) this.#programs.push(i < daemons.length ? daemons[i] : `${this.#of(words)}-svc${i}`)
    for (let i = 0; i < CLIENTS; i += 1)
      this.#clients.push(`10.${this.#int(4)}.${this.#int(256)}.${1 + this.#int(254)}`)
    for (let i = 0; i < TEMPLATES; i += 1) this.#templates.push(this.#template())
  }

  /** The next message, without framing. */
  next(): string {
    this.#time += this.#int(20)
    const host = this.#skewed(this.#hosts)
    const program = this.#skewed(this.#programs)
    const pid = this.#pid(host, program)
    const text = this.#skewed(this.#templates)()
    const priority =
      8 * this.#of([0, 1, 2, 3, 3, 4, 10, 16, 17, 18]) + this.#of([2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6, 7])
    return this.#syslog === 'rfc3164'
      ? `<${priority}>${this.#bsdTime()} ${host} ${program}[${pid}]: ${text}`
      : `<${priority}>1 ${this.#isoTime()} ${host} ${program} ${pid} ${this.#of(['-', '-', 'TCPIN', 'LOGIN', 'QUERY'])} ${this.#data()} ${text}`
  }

  #bsdTime(): string {
    const date = new Date(this.#time)
    return `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${date.toISOString().slice(11, 19)}`
  }

  #isoTime(): string {
    return `${new Date(this.#time).toISOString().slice(0, 23)}${String(this.#int(1000)).padStart(3, '0')}Z`
  }

  #data(): string {
    return this.#random() < 0.8
      ? '-'
      : `[origin@32473 ip="${this.#skewed(this.#clients)}" seq="${this.#int(1_000_000)}"]`
  }

  #pid(host: string, program: string): number {
    const key = `${host} ${program}`
    const before = this.#pids.get(key) ?? 300 + this.#int(32_000)
    const restarted = this.#random() < 0.001
    const pid = restarted ? 300 + this.#int(32_000) : before + (forking.has(program) ? this.#int(30) : 0)
    this.#pids.set(key, pid)
    return pid
  }

  #template(): () => string {
    const values: (() => string)[] = [
      () => `from ${this.#skewed(this.#clients)} port ${1024 + this.#int(64_000)}`,
      () => this.#skewed(this.#clients),
      () => `id=${this.#hex(12)}`,
      () => `user=${this.#skewed(users)}`,
      () => `uid=${this.#skewed([0, 33, 1000, 1001, 1002, 65_534])}`,
      () => `took ${this.#skewed([1, 2, 3, 5, 8, 12, 20, 40, 90, 250, 900, 4000]) + this.#int(3)}ms`,
      () => `(attempt ${1 + this.#int(3)} of 3)`,
      () => `status=${this.#skewed(['200', '304', '404', '500'])} bytes=${this.#int(60_000)}`,
      () => `path=/${this.#skewed(words)}/${this.#skewed(words)}/${this.#int(400)}`,
      () => `seq ${this.#int(1_000_000)}`,
    ]
    const text = () => Array.from({ length: 3 + this.#int(4) }, () => this.#of(words)).join(' ')
    const parts: (() => string)[] = []
    for (let i = this.#int(3); i >= 0; i -= 1) {
      const fixed = text()
      parts.push(() => fixed, this.#of(values))
    }
    return () => parts.map((part) => part()).join(' ')
  }

  #hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.#int(16).toString(16)
    return text
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below)
  }

  #of<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]
  }

  /** The first ones far more often than the last, as in life. */
  #skewed<T>(list: readonly T[]): T {
    const share = this.#random()
    return list[Math.floor(share ** 4 * list.length)]
  }
}
