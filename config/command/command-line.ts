// The only import of commander, which parses command lines.

export { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
