import { expect, test } from 'vitest'
import { HalfFrames } from '../../common/framing/half-frames.ts'

/** Holds half frames, and notes who gave out. */
function holders(bytesMax: number) {
  const halfFrames = new HalfFrames(bytesMax)
  const gaveOut: string[] = []
  const holder = (name: string) => {
    const held = {
      heldBytes: 0,
      set(bytes: number) {
        const changed = bytes - held.heldBytes
        held.heldBytes = bytes
        halfFrames.changed(held, changed)
      },
      giveOut() {
        gaveOut.push(name)
        held.set(0)
      },
    }
    return held
  }
  return { halfFrames, gaveOut, holder }
}

test('half frames may take all the bytes of the bound; with one more, the largest gives out, whoever grew', () => {
  const { halfFrames, gaveOut, holder } = holders(100)
  const [small, large] = [holder('small'), holder('large')]
  large.set(60)
  small.set(40)
  expect([gaveOut, halfFrames.bytes]).toEqual([[], 100])
  small.set(41)
  expect([gaveOut, halfFrames.bytes]).toEqual([['large'], 41])
})

test('as many give out as it takes, and one that holds nothing is not asked', () => {
  const { halfFrames, gaveOut, holder } = holders(100)
  const [a, b, c] = ['a', 'b', 'c'].map(holder)
  a.set(50)
  b.set(45)
  b.set(0)
  c.set(40)
  c.set(120)
  expect([gaveOut, halfFrames.bytes]).toEqual([['c'], 50])
  b.set(1000)
  expect([gaveOut, halfFrames.bytes]).toEqual([['c', 'b'], 50])
})
