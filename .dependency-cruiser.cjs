/**
 * The import rules of the house. Each is proved by a planted violation in test/structure/import-rules.test.ts.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const OURS = 'connectors|workflows|activities|store|api|simulators|local|test';
const TEST_FILE = '\\.test\\.ts$';
const packages = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one thing or three.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'workflows-are-pure',
      comment: 'Workflow code is replayed: only @temporalio/workflow and its common part, and types of ours.',
      severity: 'error',
      from: { path: '^workflows/', pathNot: TEST_FILE },
      to: {
        pathNot: ['^workflows/', packages('@temporalio/workflow', '@temporalio/common')],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflows-without-node',
      comment: 'Not even a type of Node: what workflow code handles has to be plain data.',
      severity: 'error',
      from: { path: '^workflows/', pathNot: TEST_FILE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'connectors-look-not-up',
      comment: 'A connector knows what an app can do, nothing of Temporal, MongoDB, Express or the folders above it.',
      severity: 'error',
      from: { path: '^connectors/', pathNot: TEST_FILE },
      to: { path: ['^(workflows|activities|store|api)/', packages('@temporalio/[^/]+', 'mongodb', 'express')] },
    },
    {
      name: 'connectors-stay-apart',
      comment: 'One app never imports another; what they share is in kit/.',
      severity: 'error',
      from: { path: '^connectors/([^/]+)/', pathNot: '^connectors/kit/' },
      to: { path: '^connectors/[^/]+/', pathNot: '^connectors/(kit|$1)/' },
    },
    {
      name: 'kit-knows-no-app',
      comment: 'What kit/ needs of an app is an argument.',
      severity: 'error',
      from: { path: '^connectors/kit/', pathNot: TEST_FILE },
      to: { path: '^connectors/[^/]+/', pathNot: '^connectors/kit/' },
    },
    {
      name: 'activities-without-api',
      comment: 'The worker runs without the API.',
      severity: 'error',
      from: { path: '^activities/' },
      to: { path: '^api/' },
    },
    {
      name: 'mongodb-in-store-only',
      comment:
        'store/ is the only importer of the driver. Tests may: what they compare the store with must not be the store.',
      severity: 'error',
      from: { path: `^(${OURS})/`, pathNot: '^(store|test)/' },
      to: { path: packages('mongodb') },
    },
    {
      name: 'api-by-three-doors',
      comment:
        'The API reaches the rest by workflows/messages, store/ and connectors/: the registry and the interface files.',
      severity: 'error',
      from: { path: '^api/', pathNot: TEST_FILE },
      to: {
        path: '^(connectors|workflows|activities)/',
        pathNot: [
          '^workflows/messages\\.ts$',
          '^connectors/(index|connector|push-request|records|actions|kit/failures)\\.ts$',
        ],
      },
    },
    {
      name: 'production-without-test',
      comment: 'What runs in production needs none of test/, simulators/, local/.',
      severity: 'error',
      from: { path: '^(connectors|workflows|activities|store|api)/', pathNot: TEST_FILE },
      to: { path: '^(test|simulators|local)/' },
    },
    {
      name: 'production-without-dev-packages',
      comment: 'A production install has no devDependencies.',
      severity: 'error',
      from: { path: '^(connectors|workflows|activities|store|api)/', pathNot: TEST_FILE },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'simulators-import-nothing-of-ours',
      comment: 'A misunderstanding on both sides proves nothing.',
      severity: 'error',
      from: { path: '^simulators/', pathNot: TEST_FILE },
      to: { path: `^(${OURS})/`, pathNot: '^simulators/' },
    },
    {
      name: 'packages-are-declared',
      comment: 'Every package that is imported is in package.json.',
      severity: 'error',
      from: { path: `^(${OURS})/` },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'imports-resolve',
      comment: 'An import that leads nowhere escapes all other rules.',
      severity: 'error',
      from: { path: `^(${OURS})/` },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
