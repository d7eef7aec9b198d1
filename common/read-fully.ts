import type { DiskFile } from './disk.ts'

/** `length` bytes of a file from offset `at` on, or fewer where it ends. A read of the disk may give fewer than there are. */
export async function readFully(file: DiskFile, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const read = await file.read(bytes, done, length - done, at + done)
    if (read === 0) break
    done += read
  }
  return bytes.subarray(0, done)
}
