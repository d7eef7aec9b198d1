import type { Disk, DiskFile, OpenHow, Path } from './disk.ts'

/** The result of `work` on the file at `path`, which is opened for it, and closed also if it rejects. */
export async function withFile<T>(
  disk: Disk,
  path: Path,
  how: OpenHow,
  work: (file: DiskFile) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, how)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
