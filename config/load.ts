// Finds, reads and validates the configuration, and reports all its faults.

import { isUtf8 } from 'node:buffer'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import { systemDisk } from '../common/disk.ts'
import { whyUnreadable } from '../common/fault.ts'
import { CONFIG_BYTES_MAX } from '../common/limits.ts'
import type { Components, Configuration, Mode } from './configuration.ts'
import { examine } from './examine.ts'
import { findConfiguration } from './find-configuration.ts'
import { SourceText, type ConfigFault } from './source-text.ts'
import { knownTypes, type KnownTypes } from './types.ts'
import { validate } from './validate.ts'
import type { YamlNode } from './yaml.ts'

/** The result of loading: a configuration, or faults and the text that shows them. */
export type Loaded = { readonly builtIn: boolean; readonly unreadable: boolean } & (
  | {
      readonly configuration: Configuration
      readonly faults: readonly []
      readonly text: ''
    }
  | { readonly configuration?: undefined; readonly faults: readonly ConfigFault[]; readonly text: string }
)

type Read = Loaded & {
  readonly source: SourceText
  /** What the text was parsed to. */
  readonly root: YamlNode | undefined
  /** All components, as far as they have no faults. */
  readonly readable: Components
}

/**
 * Loads a file; without a path, the first that exists of `./sluice.yaml` and `/etc/sluice/sluice.yaml`, else the built-in
 * configuration of the mode (`server` without a mode). Faults of the file are returned, not thrown.
 */
export async function loadConfiguration(
  path?: string,
  mode?: Mode,
  known: KnownTypes = knownTypes,
): Promise<Loaded | Read> {
  const found = path ?? (await findConfiguration())
  if (found === undefined) {
    const name = `the built-in ${mode ?? 'server'} configuration`
    return { ...loadText(name, await builtInText(mode ?? 'server'), mode, known), builtIn: true }
  }
  let bytes: Buffer
  try {
    bytes = await systemDisk.readFile(found, CONFIG_BYTES_MAX)
  } catch (error) {
    return unreadable(found, whyUnreadable(error))
  }
  const notText = whyNotText(found, bytes)
  if (notText) return notText
  const loaded = loadText(found, bytes.toString(), mode, known)
  return loaded.configuration ? { ...loaded, configuration: { ...loaded.configuration, path: found } } : loaded
}

/** Like `loadConfiguration`, for running it: also checks the files that options name, such as certificates. */
export async function loadToRun(path?: string, mode?: Mode): Promise<Loaded> {
  const loaded = await loadConfiguration(path, mode)
  if (!('source' in loaded)) return loaded
  const { source, root, readable, builtIn } = loaded
  const found = await examine(readable, root, systemDisk)
  if (found.length === 0) return loaded
  const faults = [...loaded.faults, ...found].toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))
  return { builtIn, unreadable: false, faults, text: shown(source, faults) }
}

/** Loads a configuration from a text; `name` is its name in faults. */
export function loadText(name: string, text: string, mode?: Mode, known: KnownTypes = knownTypes): Read {
  const source = new SourceText(name, text.replace(/^\ufeff/, ''))
  const validated = validate(source, mode, known)
  const common = { builtIn: false, unreadable: false, source, root: validated.root }
  if ('configuration' in validated) {
    const { configuration } = validated
    return { ...common, configuration, readable: configuration, faults: [], text: '' }
  }
  const { faults, readable } = validated
  return { ...common, readable, faults, text: shown(source, faults) }
}

const shown = (source: SourceText, faults: readonly ConfigFault[]) => faults.map((fault) => source.show(fault)).join('')

/** The text of a mode's built-in configuration: `client.yaml`, `relay.yaml`, `server.yaml` of this folder. */
export async function builtInText(mode: Mode): Promise<string> {
  // The build does not copy these files, so dist/config/ reads those of the source folder.
  const folder = import.meta.url.endsWith('.js') ? '../../config/' : './'
  const path = fileURLToPath(new URL(`${folder}${mode}.yaml`, import.meta.url))
  const text = (await systemDisk.readFile(path)).toString()
  return hasIpv6Loopback() ? text : withoutIpv6(text)
}

/** Removes the addresses that a machine without IPv6 cannot listen on. */
export function withoutIpv6(text: string): string {
  return text.replaceAll(/, (["'])(?:udp|tcp):\/\/\[::1\]:\d+\1/g, '')
}

function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
}

function unreadable(name: string, sentence: string, source = new SourceText(name, ''), at?: number): Loaded {
  const fault: ConfigFault = { code: 'CONFIG_UNREADABLE', sentence, ...(at !== undefined && { at }) }
  return { builtIn: false, unreadable: true, faults: [fault], text: source.show(fault) }
}

// UTF-16 (what Windows calls Unicode) is recognized by a NUL in the first bytes: it has one in every other byte of ASCII text.
const UTF16_LOOK_BYTES = 64

/** The fault of a file that is not UTF-8 text; undefined if it is. */
function whyNotText(name: string, bytes: Buffer): Loaded | undefined {
  const nul = bytes.indexOf(0)
  if (nul >= 0 && nul < UTF16_LOOK_BYTES) {
    return unreadable(name, 'this is UTF-16 text, or no text; `iconv -f utf-16 -t utf-8` makes UTF-8 of it')
  }
  if (isUtf8(bytes)) return undefined
  const text = bytes.toString()
  // Invalid bytes are decoded as U+FFFD, which may also be in the file itself.
  let at = text.indexOf(REPLACEMENT)
  const byteAt = () => Buffer.byteLength(text.slice(0, at))
  while (bytes.subarray(byteAt(), byteAt() + 3).toString() === REPLACEMENT && bytes[byteAt()] === 0xef) {
    at = text.indexOf(REPLACEMENT, at + 1)
  }
  const byte = bytes[byteAt()].toString(16).toUpperCase()
  const sentence = `the byte 0x${byte} is not UTF-8 text; \`iconv -f latin1 -t utf-8\` makes UTF-8 of Latin-1`
  const mark = text.startsWith('\ufeff') ? 1 : 0
  return unreadable(name, sentence, new SourceText(name, text.slice(mark)), at - mark)
}

const REPLACEMENT = '\ufffd'
