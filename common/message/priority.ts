// Facilities and severities (RFC 5424 §6.2.1), with the names that are customary in syslogd.

/** Facility names by code. The RFC calls codes 12 to 15 ntp, log audit, log alert and clock daemon. */
export const facilityNames = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['ntp', 'audit', 'alert', 'clock'],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const

/** Severity names by code, the most severe first. */
export const severityNames = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

const facilityAliases: Record<string, number> = { security: 4, megasafe: 10, console: 14, 'solaris-cron': 15 }
const severityAliases: Record<string, number> = { panic: 0, error: 3, warn: 4 }

/** All accepted names of severities, without their numbers. */
export const severityWords: readonly string[] = [...severityNames, ...Object.keys(severityAliases)]

/** user.notice: the priority of a message without a PRI (RFC 3164 §4.3.3). */
export const DEFAULT_PRIORITY = 13

/** The highest valid PRI: local7.debug. */
export const PRIORITY_MAX = 191

/** The code for a facility's name, alias or number, in any case; undefined if there is none. */
export function facilityCode(text: string): number | undefined {
  return codeOf(text, facilityNames, facilityAliases)
}

/** The code for a severity's name, alias or number, in any case; undefined if there is none. */
export function severityCode(text: string): number | undefined {
  return codeOf(text, severityNames, severityAliases)
}

function codeOf(text: string, names: readonly string[], aliases: Record<string, number>): number | undefined {
  const name = text.toLowerCase()
  const code = names.indexOf(name)
  if (code >= 0) return code
  if (Object.hasOwn(aliases, name)) return aliases[name]
  if (/^\d{1,2}$/.test(name) && Number(name) < names.length) return Number(name)
  return undefined
}
