// The one table of fault codes. HANDBOOK.md lists each, with what to do about it; a test holds both together.

/** Every code a `Fault` may carry, with the sentence the handbook opens its entry with. */
export const faultCodes = {
  CONFIG_UNREADABLE: 'The configuration file cannot be read.',
  CONFIG_SYNTAX: 'The configuration is not valid YAML.',
  CONFIG_UNKNOWN_KEY: 'A key that nothing reads.',
  CONFIG_MISSING_KEY: 'A key that must be there is not.',
  CONFIG_WRONG_TYPE: 'A value of another type than the option takes.',
  CONFIG_WRONG_VALUE: 'A value outside what the option takes.',
  CONFIG_UNKNOWN_TYPE: 'A source or destination type that does not exist.',
  CONFIG_UNKNOWN_NAME: 'A reference to a source, destination or filter that is not defined.',
  CONFIG_EXPRESSION: 'A filter expression that cannot be read.',
  CONFIG_TEMPLATE: 'A path or line template that cannot be read.',
  EXPRESSION_SYNTAX: 'An expression that cannot be read.',
  PATTERN_SYNTAX: 'A regular expression that cannot be read, or one that is not linear in time.',
  PORT_TAKEN: 'Another process listens on this address and port.',
  PORT_FORBIDDEN: 'This user may not listen on this port.',
  ADDRESS_UNAVAILABLE: 'The address to listen on is not an address of this machine.',
  DATA_LOCKED: 'Another sluice uses this data folder.',
  DATA_UNWRITABLE: 'The data folder cannot be written.',
  HOST_UNRESOLVED: 'A host name has no address.',
  CONNECTION_REFUSED: 'The peer refused the connection or did not answer.',
  CONNECTION_LOST: 'The connection ended before all was written.',
  TLS_KEYS: 'A certificate or key cannot be read or used.',
  TLS_HANDSHAKE: 'A TLS connection could not be agreed upon.',
  DISK_FULL: 'The disk is full, or a quota is.',
  DISK_ERROR: 'The disk reports an error.',
  FILE_UNREADABLE: 'A file that a source names cannot be read.',
  FILE_UNWRITABLE: 'A file that a destination names cannot be written.',
  FILE_OUTSIDE: 'A templated path would leave the folder that its fixed part names.',
  ARCHIVE_UNREADABLE: 'The archive cannot be opened or a part of it is damaged.',
  ARCHIVE_MISSING: 'There is no archive at this place.',
  WORKER_DIED: 'A worker thread ended by itself.',
  STOPPING: 'The program is stopping and takes nothing more in.',
  USAGE: 'The command line cannot be read.',
} as const

export type FaultCode = keyof typeof faultCodes
