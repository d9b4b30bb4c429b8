import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the test run's MongoDB, a replica set of one. Each test takes a database of its own: `useDatabase`. */
    mongoUri: string;
    /** host:port of the test run's Temporal dev server, namespace `default`, search attributes registered. */
    temporalAddress: string;
    /** Path of the program for `createTimeSkipping`. */
    timeSkippingServer: string;
  }
}
