/** A write by a holder that lost its lease. Nothing of it was written. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
