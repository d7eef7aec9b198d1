// The door of commander, which reads command lines: what a command is made of, and what its mistakes are thrown as.

export { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
