// The only file that imports better-sqlite3: opens an archive's files with their settings, and turns SQLite's errors into faults.
//
// Two versions of it are installed. 12 is the last one for Node 20. Compiled with the headers of Node 24.19 or later (26.4 or later), it
// makes Node abort when one of its objects is garbage-collected (nodejs/node issue 65446). 13 uses Node-API: it is not affected and needs
// no compiler, but it crashes Node 20.

import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type BetterSqlite from 'better-sqlite3'
import {
  isAllowed,
  isGone,
  isOnReadOnlyDisk,
  lacksDescriptors,
  readFailure,
  syncNow,
} from '../../common/file-access.ts'
import { errnoOf, Fault, isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import { ARCHIVE_CACHE_BYTES } from '../../common/limits.ts'
import { MORE_DESCRIPTORS } from '../../common/open-share.ts'

export type Sqlite = BetterSqlite.Database
export type Statement<Row = unknown> = BetterSqlite.Statement<unknown[], Row>

/** The oldest Node that better-sqlite3 13 supports. */
const NODE_FOR_13 = 22

/** The package, in the version for this Node. */
export const Database = betterSqlite()

function betterSqlite(): typeof BetterSqlite {
  const require = createRequire(import.meta.url)
  if (Number.parseInt(process.versions.node) >= NODE_FOR_13) {
    try {
      return require('better-sqlite3-13') as typeof BetterSqlite
    } catch (error) {
      if (errnoOf(error) !== 'MODULE_NOT_FOUND') throw error // it is an optional package
    }
  }
  return require('better-sqlite3') as typeof BetterSqlite
}

// Pages of 8 KiB are a compromise: a commit of one message touches a handful of pages, each of which is written to the WAL as a
// whole, while a column of 100 KB is a chain of 13 pages. The WAL is checkpointed every 16 MiB, which bounds its size without
// the syncs of a checkpoint after every few commits.
const PAGE_BYTES = 8192
const LOG_PAGES = 2048
const BUSY_WAIT_MS = 5_000
const NO_DESCRIPTOR = `no descriptor is left; ${MORE_DESCRIPTORS}`

/**
 * Loads the package's native code now instead of at the first file that is opened. If Node has no descriptor left when it loads a
 * module, it treats that module as missing from then on in this thread.
 */
export function loadSqlite(): void {
  new Database(':memory:').close()
}

/**
 * Opens a file for writing, in WAL mode and with every commit synced; creates it if it does not exist. Throws a Fault. Permission is
 * checked first: a file that this user may not write is opened read-only by SQLite, which then fails at the first commit.
 */
export function openToWrite(path: string): Sqlite {
  const refusal = writeRefusal(filesOf(path))
  if (refusal) throw refusal
  syncLeft(path)
  const sqlite = open(path, false)
  try {
    sqlite.pragma(`page_size = ${PAGE_BYTES}`)
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma(`wal_autocheckpoint = ${LOG_PAGES}`)
    sqlite.pragma(`cache_size = ${-ARCHIVE_CACHE_BYTES / 1024}`)
    return sqlite
  } catch (error) {
    sqlite.close()
    throw writeFault(error, path)
  }
}

/** Why this user may not write one of these; undefined if that is not so. Retryable, since it may be allowed later. */
function writeRefusal(paths: readonly string[], cause?: unknown): Fault | undefined {
  const path = paths.find((each) => !isAllowed(each, 'write'))
  if (path === undefined) return undefined
  const options = { cause, retryable: true }
  return isOnReadOnlyDisk(path)
    ? new Fault('DISK_ERROR', `the file system of ${path} is read-only`, options)
    : new Fault('ARCHIVE_FORBIDDEN', `this user may not write ${path}`, options)
}

/** Syncs the commits that an earlier process left in the WAL: it may have been killed before its own sync. Throws a Fault. */
function syncLeft(path: string): void {
  try {
    syncNow(`${path}-wal`)
  } catch (cause) {
    const reason = isOutOfDescriptors(cause) ? NO_DESCRIPTOR : reasonOf(cause)
    throw new Fault('DISK_ERROR', `${path}-wal: ${reason}`, { cause, retryable: true })
  }
}

/** Opens an existing file read-only. Throws a Fault. */
export function openToRead(path: string): Sqlite {
  return open(path, true)
}

/** The files of a part: database, WAL and shared memory. */
const filesOf = (path: string) => [path, `${path}-wal`, `${path}-shm`]

/** Damaged parts that were once read to their end without an error of the disk. */
const knownToBeRead = new Set<string>()

/** Finds out why a part cannot be opened or read. SQLite's error says only that it cannot be, or that it is damaged. */
export function readFault(error: unknown, path: string): Fault {
  if (error instanceof Fault) return error
  const code = sqliteCode(error) ?? ''
  if (code.startsWith('SQLITE_IOERR')) return unreadFault(failureOf(path) ?? error, path)
  if (!code.startsWith('SQLITE_CANTOPEN') && !code.startsWith('SQLITE_READONLY')) return archiveFault(error, path)
  if (isGone(path)) {
    const detail = `${path} is gone: it expired or was removed while it was searched`
    return new Fault('ARCHIVE_UNREADABLE', detail, { cause: error, retryable: true })
  }
  const file = filesOf(path).find((each) => !isAllowed(each, 'read'))
  if (file !== undefined) {
    const detail = `this user may not read ${file}; search as the user that sluice runs as, or as root`
    return new Fault('ARCHIVE_FORBIDDEN', detail, { cause: error })
  }
  if (lacksDescriptors() || isAllowed(dirname(path), 'write')) return archiveFault(error, path)
  // In WAL mode SQLite creates -wal and -shm if they are missing, even to read.
  const detail = `${path} is not sealed and lacks its -wal or -shm file: reading it takes write permission on its folder`
  return new Fault('ARCHIVE_FORBIDDEN', `${detail}; search as the user that sluice runs as, or on a copy`, {
    cause: error,
  })
}

/** The system's error if a part or its WAL cannot be read to its end. */
function failureOf(path: string): unknown {
  const log = `${path}-wal`
  return readFailure(path) ?? (isGone(log) ? undefined : readFailure(log))
}

function unreadFault(cause: unknown, path: string): Fault {
  return new Fault('DISK_ERROR', `the disk cannot read ${path}: ${reasonOf(cause)}`, { cause, retryable: true })
}

/**
 * Whether anything was ever committed to the file: one that was only just created, or whose creator crashed, has no tables. Throws a
 * Fault if it has pages but no tables, or more than tables.
 */
export function isBegun(sqlite: Sqlite): boolean {
  const sql = 'SELECT name, rootpage AS page FROM sqlite_schema'
  const made = sqlite.prepare<[], { name: string; page: number | null }>(sql).all()
  // Views, triggers and virtual tables have no page of their own. In a file from a stranger they would run whatever he wrote, without end.
  if (made.some(({ page }) => !page)) {
    throw new Fault('ARCHIVE_UNREADABLE', `${sqlite.name} is not an archive: it has views or triggers`)
  }
  if (made.some(({ name }) => name === 'meta')) return true
  if ((sqlite.pragma('page_count', { simple: true }) as number) <= 1) return false
  throw new Fault('ARCHIVE_UNREADABLE', `${sqlite.name} is damaged: its tables are missing`)
}

function open(path: string, readonly: boolean): Sqlite {
  try {
    return new Database(path, { readonly, fileMustExist: readonly, timeout: BUSY_WAIT_MS })
  } catch (error) {
    throw readonly ? readFault(error, path) : writeFault(error, path)
  }
}

/**
 * Takes a file out of WAL mode, so that it is a single file that can be read without write permission. Returns false if a reader
 * prevents that.
 */
export function leaveWal(sqlite: Sqlite): boolean {
  try {
    sqlite.pragma('wal_checkpoint(TRUNCATE)')
    return sqlite.pragma('journal_mode = DELETE', { simple: true }) === 'delete'
  } catch (error) {
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) return false
    throw error
  }
}

/** SQLite's code (`SQLITE_FULL`, `SQLITE_IOERR_WRITE`, …) of a thrown error; undefined for any other error. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined
}

/** `leaveWal` for a file that nobody writes to, without waiting for readers: returns false if there is one. Throws a Fault. */
export function sealFile(path: string): boolean {
  try {
    const sqlite = new Database(path, { fileMustExist: true, timeout: 0 })
    try {
      return leaveWal(sqlite)
    } finally {
      sqlite.close()
    }
  } catch (error) {
    throw archiveFault(error, path)
  }
}

/** `archiveFault` for an error while writing. SQLite's says only that a file cannot be opened, or that a database is read-only. */
export function writeFault(error: unknown, path: string): Fault {
  const isRefused = /^SQLITE_(CANTOPEN|READONLY)/.test(sqliteCode(error) ?? '')
  return (isRefused ? writeRefusal([...filesOf(path), dirname(path)], error) : undefined) ?? archiveFault(error, path)
}

/** The Fault for an error of SQLite, with whether a retry can help. A Fault is returned as it is. */
export function archiveFault(error: unknown, path: string): Fault {
  if (error instanceof Fault) return error
  const code = sqliteCode(error) ?? ''
  const detail = `${path}: ${reasonOf(error)}`
  if (code === 'SQLITE_FULL') return new Fault('DISK_FULL', detail, { cause: error, retryable: true })
  if (code.startsWith('SQLITE_IOERR')) return new Fault('DISK_ERROR', detail, { cause: error, retryable: true })
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new Fault('ARCHIVE_UNREADABLE', `${detail} (another process holds it)`, { cause: error, retryable: true })
  }
  if (code === 'SQLITE_ERROR') {
    return new Fault('ARCHIVE_UNREADABLE', `${path} does not have the tables of this version: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    // SQLite reports an EIO in the middle of a file as damage, so the file is read once to tell the two apart.
    const failure = knownToBeRead.has(path) ? undefined : failureOf(path)
    if (failure !== undefined) return unreadFault(failure, path)
    knownToBeRead.add(path)
    return new Fault('ARCHIVE_UNREADABLE', `${path} is damaged: ${reasonOf(error)}`, { cause: error })
  }
  const want = code.startsWith('SQLITE_CANTOPEN') && lacksDescriptors() ? `: ${NO_DESCRIPTOR}` : ''
  return new Fault('ARCHIVE_UNREADABLE', `${detail}${want}`, { cause: error, retryable: true })
}
