/** The occasion did not come; the kind is tried again in another round. */
export class Missed extends Error {
  override readonly name = 'Missed';
}
