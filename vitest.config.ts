import { defineConfig } from 'vitest/config';

const MONGO = './test/support/mongo-setup.ts';
const TEMPORAL = './test/support/temporal-setup.ts';

/** A folder belongs to the first project that needs no more servers than it does; servers start only for a project that runs. */
export default defineConfig({
  test: {
    // Two cores: a third file at once only makes the others slower.
    maxWorkers: 2,
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          isolate: false,
          include: [
            '{connectors,simulators,workflows}/**/*.test.ts',
            'test/{contract,specification,structure,support}/**/*.test.ts',
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'mongo',
          include: ['{store,activities,api}/**/*.test.ts', 'test/api/**/*.test.ts'],
          globalSetup: [MONGO],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'local',
          include: ['local/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'temporal',
          include: ['test/{workflow,replay,chaos}/**/*.test.ts'],
          globalSetup: [MONGO, TEMPORAL],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        // An installation or a server of its own a file, which mostly waits: two side by side.
        extends: true,
        test: {
          name: 'integration',
          include: ['test/{integration,rollover}/**/*.test.ts'],
          globalSetup: [MONGO, TEMPORAL],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
