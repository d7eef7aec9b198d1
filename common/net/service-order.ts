// The order in which the targets of SRV records are tried (RFC 2782): by priority, and within a priority at random, in proportion to
// the weights.

import type { Random } from '../random.ts'
import type { Service } from './net.ts'

/** All targets, in the order in which to try them this time. */
export function inOrder(services: readonly Service[], random: Random): Service[] {
  const left = services.toSorted((one, other) => one.priority - other.priority)
  const order: Service[] = []
  while (left.length > 0) {
    const { priority } = left[0]
    const end = left.findIndex((service) => service.priority !== priority)
    const group = left.slice(0, end < 0 ? left.length : end)
    order.push(...left.splice(drawn(group, random), 1))
  }
  return order
}

// RFC 2782: a target with weight 0 has a very small chance of being selected.
const NO_WEIGHT = 0.01

function drawn(group: readonly Service[], random: Random): number {
  const weights = group.map(({ weight }) => weight || NO_WEIGHT)
  let at = random.fraction() * weights.reduce((sum, weight) => sum + weight, 0)
  const index = weights.findIndex((weight) => (at -= weight) < 0)
  return index < 0 ? group.length - 1 : index
}
