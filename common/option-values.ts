// Option values with a notation of their own: durations, sizes, modes, addresses, zones, priorities.

import { homedir } from 'node:os'
import { numberAsText, OptionFault, textOption, type OptionProblem, type ZodType } from './option.ts'
import { parseNetwork, type Network } from './expression/address.ts'
import { nearest } from './expression/problem.ts'
import { SOCKET_PATH_BYTES_MAX } from './limits.ts'
import { facilityCode, facilityNames, severityCode, severityNames } from './message/priority.ts'
import { zoneNamed, type Zone } from './message/zone.ts'

interface Bounds {
  /** As written in YAML: `1s`, `64KiB`. */
  readonly min?: string
  readonly max?: string
}

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const unitsMs: Record<string, number> = {
  ...{ ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS },
}
const otherTimeUnits: Record<string, string> = {
  ...{ msec: 'ms', sec: 's', secs: 's', second: 's', seconds: 's', min: 'm', mins: 'm', minute: 'm', minutes: 'm' },
  ...{ hour: 'h', hours: 'h', day: 'd', days: 'd', week: 'w', weeks: 'w' },
}

/** A kind of quantity that is written with a unit. */
interface Measure {
  readonly kind: string
  readonly like: string
  /** A regular expression for the JSON schema. */
  readonly pattern: string
  /** Parses a value; undefined if it does not have this notation. */
  readonly parse: (value: string) => number | undefined
  /** The unit that is suggested for a bare number. */
  readonly unit: string
  /** Other spellings of units, and the accepted unit for each. */
  readonly otherUnits: Readonly<Record<string, string>>
}

/** `30s`, `500ms`, `1h30m`, `30d` → ms. `like` has other examples for faults. */
export function duration(bounds: Bounds = {}, like: string = durations.like): ZodType<number, string> {
  return measure({ ...durations, like }, bounds)
}

const durations: Measure = {
  kind: 'a duration',
  like: 'such as 30s, 500ms or 1h30m',
  pattern: String.raw`^(\d+(\.\d+)?(ms|s|m|h|d|w))+$`,
  parse: parseDuration,
  unit: 's',
  otherUnits: otherTimeUnits,
}

function parseDuration(value: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/.test(value)) return undefined
  let sum = 0
  for (const [, digits, unit] of value.matchAll(/([\d.]+)([a-z]+)/g)) sum += Number(digits) * unitsMs[unit]
  return Math.round(sum)
}

const unitsBytes: Record<string, number> = {
  ...{ B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
}
const otherSizeUnits: Record<string, string> = {
  ...{ b: 'B', byte: 'B', bytes: 'B', k: 'KiB', m: 'MiB', g: 'GiB', t: 'TiB' },
  ...{ kb: 'KB', mb: 'MB', gb: 'GB', tb: 'TB', kib: 'KiB', mib: 'MiB', gib: 'GiB', tib: 'TiB' },
}

/** `1GiB`, `64KiB`, `10MB` → bytes. */
export function byteSize(bounds: Bounds = {}): ZodType<number, string> {
  return measure(sizes, bounds)
}

const sizes: Measure = {
  kind: 'a size',
  like: 'such as 1GiB, 64KiB or 10MB',
  pattern: String.raw`^\d+(\.\d+)?(B|[kK]B|[MGT]B|[KMGT]iB)$`,
  parse: parseSize,
  unit: 'B',
  otherUnits: otherSizeUnits,
}

function parseSize(value: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(value) ?? []
  if (digits === undefined || !Object.hasOwn(unitsBytes, unit)) return undefined
  return Math.round(Number(digits) * unitsBytes[unit])
}

function measure(measured: Measure, { min, max }: Bounds): ZodType<number, string> {
  const { kind, like, pattern, parse, unit } = measured
  const lowest = min === undefined ? 0 : parse(min)!
  const highest = max === undefined ? Number.MAX_SAFE_INTEGER : parse(max)!
  const bound = min === undefined ? max && `at most ${max}` : max === undefined ? `at least ${min}` : `${min} to ${max}`
  const fits = (amount: number) => amount >= lowest && amount <= highest
  // A bare number that is too small in the default unit is suggested in the unit of the lower bound: `keep: 90` means 90 days.
  const units = [unit, ...(min === undefined ? [] : [min.replace(/^[\d.]+/, '')])]
  const unitless = (digits: string | number): OptionProblem => {
    const meant = units.find((each) => fits(parse(`${digits}${each}`) ?? -1))
    const sentence = `${digits} has no unit; write ${kind} ${like}`
    return { sentence, ...(meant !== undefined && { suggestion: `${digits}${meant}` }) }
  }
  return textOption({ kind, like, pattern, ofNumber: unitless, ...(bound && { bound }) }, (value) => {
    const amount = parse(value)
    if (amount === undefined) {
      if (/^\d+(\.\d+)?$/.test(value)) throw new OptionFault(unitless(value))
      const [, digits, other] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]+)$/.exec(value) ?? []
      const known = other === undefined ? undefined : knownUnit(digits + other, other, measured)
      const suggestion = known === undefined ? {} : { suggestion: `${digits}${known}` }
      throw new OptionFault({
        sentence: `${JSON.stringify(value)} is not ${kind}; write one ${like}`,
        ...suggestion,
      })
    }
    // Even without a bound of its own, an option accepts only integers that can be represented exactly.
    if (amount > Number.MAX_SAFE_INTEGER) throw new OptionFault({ sentence: `${value} is too large for ${kind}` })
    if (!fits(amount)) throw new OptionFault({ sentence: `${value} is not ${within(bound!)}` })
    return amount
  })
}

// Suggests a unit: `30 s` has the right one after a space; `30sec` and `1G` have one with another spelling.
function knownUnit(closed: string, unit: string, { parse, otherUnits }: Measure): string | undefined {
  if (parse(closed) !== undefined) return unit
  const lower = unit.toLowerCase()
  return Object.hasOwn(otherUnits, lower) ? otherUnits[lower] : parse(`1${lower}`) === undefined ? undefined : lower
}

const within = (bound: string) => (bound.startsWith('at ') ? bound : `within ${bound}`)

/** `5 files` → 5. The word is required because such an option also accepts an age: a bare number would be ambiguous. */
export function fileCount(max: number): ZodType<number, string> {
  const like = 'such as 5 files'
  return textOption({ kind: 'a number of files', like, pattern: '^\\d+ ?files?$', bound: `1 to ${max}` }, (value) => {
    const digits = /^(\d+) ?files?$/.exec(value)?.[1]
    if (digits === undefined) throw new OptionFault({ sentence: `${JSON.stringify(value)} is no number of files` })
    if (Number(digits) < 1 || Number(digits) > max) throw new OptionFault({ sentence: `${value} is not 1 to ${max}` })
    return Number(digits)
  })
}

/** `"0640"` → permission bits. */
export function fileMode(): ZodType<number, string> {
  const like = 'such as "0640"'
  const ofNumber = (value: number): OptionProblem => {
    const digits = String(value)
    const suggestion = /^[0-7]{3}$/.test(digits) ? { suggestion: `"0${digits}"` } : {}
    return { sentence: `${digits} is a number; a mode is text in octal digits, ${like}`, ...suggestion }
  }
  return textOption({ kind: 'a mode', like, pattern: '^0?[0-7]{3}$', ofNumber }, (value) => {
    if (/^0?[0-7]{3}$/.test(value)) return parseInt(value, 8)
    throw new OptionFault({ sentence: `${JSON.stringify(value)} is not a mode; write octal digits, ${like}` })
  })
}

/** A user or a group, by name or number. It stays text, since only the system that runs it knows which accounts exist. */
export function account(what: 'user' | 'group'): ZodType<string, string> {
  const kind = { kind: `a ${what}`, like: 'by name or "number"', pattern: '^[^\\s:]+$' }
  return textOption({ ...kind, ofNumber: numberAsText }, (value) => {
    if (/^[^\s:]+$/.test(value)) return value
    throw new OptionFault({ sentence: `${JSON.stringify(value)} is not the name of a ${what}` })
  })
}

/** The path of a file, or a pattern of paths. */
export function path(kind: string, like: string): ZodType<string, string> {
  return textOption({ kind, like, ofNumber: numberAsText }, (value) => {
    if (value === '') throw new OptionFault({ sentence: `${kind} cannot be empty` })
    refuseTilde(value)
    return value
  })
}

/** Throws for `~/x`, `~user/x` and `~`: only a shell replaces them, and otherwise they would be the name of a folder. */
export function refuseTilde(written: string): void {
  const [tilde] = /^~(?=\/|$)|^~[\w.-]+(?=\/)/.exec(written) ?? []
  if (tilde === undefined) return
  const sentence = `"${tilde}" does not stand for a home folder here; write the whole path`
  throw new OptionFault({ sentence, ...(tilde === '~' && { suggestion: homedir() + written.slice(1) }) })
}

/** A path from which that of a Unix socket follows: by default it is that path itself. */
export function socketPath(
  kind: string,
  like: string | undefined,
  socketAt: (path: string) => string = (path) => path,
): ZodType<string, string> {
  return textOption({ kind, ofNumber: numberAsText, ...(like !== undefined && { like }) }, (path) => {
    if (path === '') throw new OptionFault({ sentence: `${kind} cannot be empty` })
    refuseTilde(path)
    const bytes = Buffer.byteLength(socketAt(path))
    if (bytes <= SOCKET_PATH_BYTES_MAX) return path
    const limit = `a Unix socket (${SOCKET_PATH_BYTES_MAX} bytes)`
    throw new OptionFault({ sentence: `${socketAt(path)} has ${bytes} bytes, too long for ${limit}` })
  })
}

/** Where to listen or what to connect to. */
export interface EndpointUrl<Scheme extends string = string> {
  readonly scheme: Scheme
  /** A name, or an IPv4 or IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** The name of the SRV records to query (RFC 2782), if any. They then give hosts and ports. */
  readonly service?: string
}

// What other programs call TLS.
const otherSchemes: Record<string, string> = { tcps: 'tls', ssl: 'tls' }

const defaultPorts: Record<string, number> = { udp: 514, tcp: 514, tls: 6514, relp: 2514, relps: 2515 }

// `syslog-tls` (RFC 5425 §4.1) and `syslog` are registered service names; the others are formed by analogy.
const services: Record<string, string> = {
  ...{ tcp: '_syslog._tcp', tls: '_syslog-tls._tcp', relp: '_relp._tcp', relps: '_relps._tcp' },
}

/**
 * `udp://0.0.0.0:514`, `tcp://[::1]:5514`, `tcp://logs`. For listening, port 0 means any free port. For connecting,
 * `relp+srv://example.net` queries the SRV records of `_relp._tcp.example.net`, and
 * `relp+srv://_logs._tcp.example.net` those of that name.
 */
export function endpointUrl<const Scheme extends string>(
  schemes: readonly Scheme[],
  purpose: 'listen' | 'connect',
): ZodType<EndpointUrl<Scheme>, string> {
  const example = purpose === 'listen' ? '0.0.0.0:514' : 'logs:514'
  const like = `such as ${schemes[0]}://${example}`
  const portMin = purpose === 'listen' ? 0 : 1
  const kind = { kind: 'an address', like, bound: schemes.map((scheme) => `${scheme}://`).join(', ') }
  const withSrv = purpose === 'connect' ? schemes.filter((scheme) => scheme in services) : []
  const words = [...schemes, ...withSrv.map((scheme) => `${scheme}+srv`)].map((word) =>
    word.replace('+', String.raw`\+`),
  )
  const pattern = `^(${words.join('|')})://`
  return textOption({ ...kind, pattern }, (value): EndpointUrl<Scheme> => {
    const colon = value.indexOf('://')
    if (colon < 0) {
      const meant = meantBy(value, schemes, purpose)
      throw wrongPart(`"${value}" is not an address; write one ${like}`, 0, value.length, meant)
    }
    const word = value.slice(0, colon).toLowerCase()
    const isService = word.endsWith('+srv')
    const scheme = (isService ? withSrv : schemes).find((known) => known === word.replace(/\+srv$/, ''))
    if (scheme === undefined) {
      const suggestion = otherSchemes[word] ?? nearest(word, schemes)
      const suggested = schemes.find((known) => known === suggestion)
      const sentence = `"${value.slice(0, colon)}" is not one of ${schemes.join(', ')}`
      throw wrongPart(sentence, 0, colon, suggested && suggested + value.slice(colon))
    }
    const written = readHost(value, colon + 3, like)
    const { host, digits, end } = written
    if (isService) return { scheme, host, port: defaultPorts[scheme], service: serviceOf(scheme, written) }
    const port = digits === undefined || digits === '' ? defaultPorts[scheme] : Number(digits)
    if (port < portMin || port > 65535) {
      throw wrongPart(`${digits} is not a port; ports are ${portMin} to 65535`, end - digits!.length, end)
    }
    return { scheme, host, port }
  })
}

function wrongPart(sentence: string, start: number, end: number, suggestion?: string): OptionFault {
  return new OptionFault({ sentence, start, end, ...(suggestion !== undefined && { suggestion }) })
}

/** The address that was probably meant by one without `://`: `0.0.0.0:514`, `tcp:0.0.0.0:514`, `:514`. */
function meantBy(text: string, schemes: readonly string[], purpose: 'listen' | 'connect'): string | undefined {
  // `listen: [udp]` does not name a host that is called like a scheme.
  if (schemes.includes(text)) return purpose === 'listen' ? `${text}://0.0.0.0` : undefined
  const scheme = schemes.find((known) => text.toLowerCase().startsWith(`${known}:`))
  const rest = scheme === undefined ? text : text.slice(scheme.length + 1).replace(/^\//, '')
  const port = /^:?(\d+)$/.exec(rest)?.[1]
  const host = port === undefined ? rest : purpose === 'listen' ? `0.0.0.0:${port}` : ''
  return /^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i.test(host) ? `${scheme ?? schemes[0]}://${host}` : undefined
}

/** Host and port as they are written in an address. */
interface WrittenHost {
  /** Without brackets. */
  readonly host: string
  /** Whether it is an IPv6 address. */
  readonly isBracketed: boolean
  /** Those of the port, if there is a colon. */
  readonly digits: string | undefined
  /** Where the host begins, and where the port ends. */
  readonly start: number
  readonly end: number
}

/** Reads host and port from `start` to the end of an address. */
function readHost(value: string, start: number, like: string): WrittenHost {
  const shape = /^(?:\[([^\]]*)\]|([^[\]:/?#@\s]*))(?::(\d*))?/
  const [whole, bracketed, name, digits] = shape.exec(value.slice(start))!
  const end = start + whole.length
  const isBracketed = bracketed !== undefined
  // RFC 6874 writes the `%` before a zone as `%25`. Before a digit it may belong to the index of an interface.
  const host = bracketed?.replace(/%25(?=\D)/, '%') ?? name
  if (!isBracketed && /^\[|:.*:/.test(value.slice(start))) {
    throw wrongPart('an IPv6 address must be in brackets, such as [::1]:514', start, value.length)
  }
  if (host === '') throw wrongPart(`an address must name a host; write one ${like}`, 0, value.length)
  if (end !== value.length) throw wrongPart(`"${value.slice(end)}" cannot follow host and port`, end, value.length)
  if (isBracketed && !isIpv6(host)) throw wrongPart(`"${host}" is not an IPv6 address`, start, end)
  if (!isBracketed && !isHostName(host)) {
    throw wrongPart(`"${host}" is neither an address nor a host name`, start, start + host.length)
  }
  return { host, isBracketed, digits, start, end }
}

/** The name of the SRV records that an address with `+srv` stands for. */
function serviceOf(scheme: string, { host, isBracketed, digits, start, end }: WrittenHost): string {
  if (isBracketed || isIpv4(host)) throw wrongPart('an address has no SRV records; write a name', start, end)
  if (digits !== undefined) throw wrongPart('SRV records say the port', start + host.length, end)
  return host.startsWith('_') ? host : `${services[scheme]}.${host}`
}

function isHostName(name: string): boolean {
  if (/^[\d.]+$/.test(name)) return isIpv4(name)
  return name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(name)
}

function isIpv4(value: string): boolean {
  const parts = value.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
}

// The URL parser recognises IPv6 addresses, but accepts no zone (`fe80::1%eth0`).
function isIpv6(value: string): boolean {
  return URL.canParse(`http://[${value.replace(/%[\w.-]+$/, '')}]/`)
}

/** `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`: one entry of `list(network())`. */
export function network(): ZodType<Network, string> {
  const kind = { kind: 'a network', like: 'such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7' }
  return textOption(kind, (value) => {
    const found = parseNetwork(value)
    if (found) return found
    throw new OptionFault({ sentence: `"${value}" is not a network; write one ${kind.like}` })
  })
}

/** `Europe/Paris`, `local`, `UTC`, `+02:00`. */
export function zone(): ZodType<Zone, string> {
  const kind = { kind: 'a time zone', like: 'such as Europe/Paris, +02:00, UTC or local' }
  return textOption(kind, (value) => {
    const found = zoneNamed(value)
    if (found) return found
    const suggestion = zoneLike(value)
    const rest = suggestion === undefined ? `; write one ${kind.like}` : ''
    throw new OptionFault({ sentence: `there is no time zone "${value}"${rest}`, ...(suggestion && { suggestion }) })
  })
}

/** The zone that a misspelt one probably means; `Europe/Paris` for `Paris`. */
function zoneLike(value: string): string | undefined {
  const names = ['local', 'UTC', ...Intl.supportedValuesOf('timeZone')]
  return names.find((name) => name.toLowerCase().endsWith(`/${value.toLowerCase()}`)) ?? nearest(value, names)
}

/** A facility by name → its code. */
export function facility(): ZodType<number, string> {
  return priorityPart('facility', 'local0', facilityNames, facilityCode)
}

/** A severity by name → its code. */
export function severity(): ZodType<number, string> {
  return priorityPart('severity', 'info', severityNames, severityCode)
}

function priorityPart(
  what: string,
  example: string,
  names: readonly string[],
  codeOf: (name: string) => number | undefined,
): ZodType<number, string> {
  const ofNumber = (value: number): OptionProblem => {
    const name = names[value]
    return { sentence: `${value} is a number; write the name of a ${what}`, ...(name && { suggestion: name }) }
  }
  return textOption({ kind: `a ${what}`, like: `such as ${example}`, ofNumber }, (value) => {
    const code = codeOf(value)
    if (code !== undefined) return code
    const suggestion = nearest(value, names)
    const sentence = `there is no ${what} "${value}"`
    if (suggestion !== undefined) throw new OptionFault({ sentence, suggestion })
    throw new OptionFault({ sentence: `${sentence}; there are ${names.join(', ')}` })
  })
}
