/** The occasion did not come; the kind is tried again in another round. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

/** Of true length, as what a reader waits for after several faults of one list. */
const occasionTrueMs = 300_000;
/** Not ours to scale: what a killed worker was told to do is handed to another after Temporal's own waits. */
const occasionLeastMs = 60_000;

/** For how long a fault waits for its occasion, in ms. */
export const patienceOf = ({ scale }: { scale: number }): number => Math.max(occasionLeastMs, occasionTrueMs * scale);
