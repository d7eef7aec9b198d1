// better-sqlite3 enters here, and so do the settings of an archive's files and the faults SQLite can report.

import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { isAllowed, isGone, lacksDescriptors, readFailure } from '../../common/file-access.ts'
import { Fault, reasonOf } from '../../common/fault.ts'
import { ARCHIVE_CACHE_BYTES } from '../../common/limits.ts'
import { MORE_DESCRIPTORS } from '../../common/open-share.ts'

export type Sqlite = Database.Database
export type Statement<Row = unknown> = Database.Statement<unknown[], Row>

// 8 KiB: a commit of one message touches a handful of pages, all of which go into the log whole; and a column of 100 KB
// is a chain of 13. The log is copied back every 16 MiB, which bounds it without a sync for every few commits.
const PAGE_BYTES = 8192
const LOG_PAGES = 2048
const BUSY_WAIT_MS = 5_000
const NO_DESCRIPTOR = `no descriptor is left; ${MORE_DESCRIPTORS}`

/**
 * Loads the package's native code, which it would itself do at the first file. What Node cannot load for want of descriptors it takes
 * for missing from then on, in this thread.
 */
export function loadSqlite(): void {
  new Database(':memory:').close()
}

/**
 * Opens to write: creates what is not there, in WAL mode, every commit synced. Throws a Fault; where this user may not write, at once:
 * SQLite opens such a file to be read, and says so at the first commit.
 */
export function openToWrite(path: string): Sqlite {
  const forbidden = forbiddenFile(path, 'write')
  // When this user is let in, the same call succeeds.
  if (forbidden !== undefined) {
    throw new Fault('ARCHIVE_FORBIDDEN', `this user may not write ${forbidden}`, { retryable: true })
  }
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
    throw archiveFault(error, path)
  }
}

/** Opens to read what is there. Throws a Fault. */
export function openToRead(path: string): Sqlite {
  return open(path, true)
}

/** One of a part's files that this user may not read or write, if there is one. */
function forbiddenFile(path: string, to: 'read' | 'write'): string | undefined {
  return ['', '-wal', '-shm'].map((suffix) => path + suffix).find((file) => !isAllowed(file, to))
}

/** Parts that are damaged, and that the disk can read. */
const knownToBeRead = new Set<string>()

/** Why a part cannot be opened or read. SQLite says no more than that it cannot, or that it is damaged. */
export function readFault(error: unknown, path: string): Fault {
  if (error instanceof Fault) return error
  const code = sqliteCode(error) ?? ''
  // Of an EIO in the middle of a file SQLite says that the file is damaged.
  if (code.startsWith('SQLITE_CORRUPT') && !knownToBeRead.has(path)) {
    const failure = readFailure(path)
    if (failure !== undefined) return unreadFault(failure, path)
    knownToBeRead.add(path)
  }
  if (code.startsWith('SQLITE_IOERR')) return unreadFault(readFailure(path) ?? error, path)
  if (!code.startsWith('SQLITE_CANTOPEN') && !code.startsWith('SQLITE_READONLY')) return archiveFault(error, path)
  if (isGone(path)) {
    const detail = `${path} is gone: it expired or was removed while it was searched`
    return new Fault('ARCHIVE_UNREADABLE', detail, { cause: error, retryable: true })
  }
  const file = forbiddenFile(path, 'read')
  if (file !== undefined) {
    const detail = `this user may not read ${file}; search as the user that sluice runs as, or as root`
    return new Fault('ARCHIVE_FORBIDDEN', detail, { cause: error })
  }
  if (lacksDescriptors() || isAllowed(dirname(path), 'write')) return archiveFault(error, path)
  // In WAL mode SQLite makes what is missing of -wal and -shm, also to read.
  const detail = `${path} is not sealed and lacks its -wal or -shm file: reading it takes write permission on its folder`
  return new Fault('ARCHIVE_FORBIDDEN', `${detail}; search as the user that sluice runs as, or on a copy`, {
    cause: error,
  })
}

function unreadFault(cause: unknown, path: string): Fault {
  return new Fault('DISK_ERROR', `the disk cannot read ${path}: ${reasonOf(cause)}`, { cause, retryable: true })
}

/**
 * Whether anything was ever committed to it: a file that was made a moment ago, or before a crash, has no tables. Throws a Fault where
 * they are gone.
 */
export function isBegun(sqlite: Sqlite): boolean {
  if (sqlite.prepare("SELECT name FROM sqlite_schema WHERE name = 'meta'").all().length > 0) return true
  if ((sqlite.pragma('page_count', { simple: true }) as number) <= 1) return false
  throw new Fault('ARCHIVE_UNREADABLE', `${sqlite.name} is damaged: its tables are missing`)
}

function open(path: string, readonly: boolean): Sqlite {
  try {
    return new Database(path, { readonly, fileMustExist: readonly, timeout: BUSY_WAIT_MS })
  } catch (error) {
    throw readonly ? readFault(error, path) : archiveFault(error, path)
  }
}

/** Takes the file out of WAL mode, so that it is one file that can be read without write permission; false where a reader is in the way. */
export function leaveWal(sqlite: Sqlite): boolean {
  try {
    sqlite.pragma('wal_checkpoint(TRUNCATE)')
    return sqlite.pragma('journal_mode = DELETE', { simple: true }) === 'delete'
  } catch (error) {
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) return false
    throw error
  }
}

/** SQLite's own code (`SQLITE_FULL`, `SQLITE_IOERR_WRITE`, …) of a thrown error. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined
}

/** Does so with a file that nobody writes to; false where a reader is in the way, who is not waited for. Throws a Fault. */
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

/** What went wrong with a file of an archive, in our words. */
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
    return new Fault('ARCHIVE_UNREADABLE', `${path} is damaged: ${reasonOf(error)}`, { cause: error })
  }
  const want = code.startsWith('SQLITE_CANTOPEN') && lacksDescriptors() ? `: ${NO_DESCRIPTOR}` : ''
  return new Fault('ARCHIVE_UNREADABLE', `${detail}${want}`, { cause: error, retryable: true })
}
