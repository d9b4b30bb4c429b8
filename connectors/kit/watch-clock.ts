/** Vendors mind more; a `Date` header has whole seconds. */
const noticedMs = 5_000;

/**
 * The clock of an origin is known by its first answer only, and may be set. What is returned tells, after an answer,
 * whether that clock turned out to be another than the one that the request was signed by.
 */
export function watchClock(now: () => Date): () => boolean {
  const [at, since] = [now().getTime(), performance.now()];
  return () => Math.abs(now().getTime() - at - (performance.now() - since)) > noticedMs;
}
