/** Jain's index of what each got: 1 when all got the same, 1/n when one got all. */
export function fairness(shares: readonly number[]): number {
  const sum = shares.reduce((all, one) => all + one, 0);
  const squares = shares.reduce((all, one) => all + one * one, 0);
  return squares === 0 ? 0 : (sum * sum) / (shares.length * squares);
}
