/** Errors of the store and of Temporal are ours: Temporal tries the activity again. */
export const isOurs = (error: unknown): boolean =>
  error instanceof Error && (error.name.startsWith('Mongo') || error.name === 'ApplicationFailure');
