// RELP answers: `TXNR rsp DATALEN CODE[ TEXT][LF DATA]`, where the code 200 means done and 500 refused.

import type { Output } from '../message/output.ts'

const SPACE = 0x20
const LF = 0x0a
const ZERO = 0x30

const done = Buffer.from(' rsp 6 200 OK\n')

/** Appends `TXNR rsp 6 200 OK LF`. */
export function writeDone(txnr: number, into: Output): void {
  into.number(txnr)
  into.fixed(done)
}

/** Appends a whole frame with any command. The data may consist of several parts. */
export function writeFrame(txnr: number, command: string, data: string | readonly Uint8Array[], into: Output): void {
  const parts = typeof data === 'string' ? [Buffer.from(data)] : data
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  into.number(txnr)
  into.text(` ${command} ${length}`)
  if (length > 0) {
    into.byte(SPACE)
    for (const part of parts) into.block(part)
  }
  into.byte(LF)
}

/** The code of the answer in `[start, end)`; 0 if it has no valid one. */
export function responseCode(bytes: Buffer, start: number, end: number): number {
  if (end - start < 3) return 0
  let code = 0
  for (let i = start; i < start + 3; i += 1) {
    const digit = bytes[i] - ZERO
    if (digit < 0 || digit > 9) return 0
    code = 10 * code + digit
  }
  const separator = end - start > 3 ? bytes[start + 3] : SPACE
  return separator === SPACE || separator === LF ? code : 0
}

/** Where the data of an answer begins, after its first line; `end` if there is none. */
export function responseData(bytes: Buffer, start: number, end: number): number {
  for (let i = start; i < end; i += 1) if (bytes[i] === LF) return i + 1
  return end
}
