import { eventHookRoutes } from './event-hooks.ts';
import { grantRoutes } from './grants.ts';
import { groupRoutes } from './groups.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { orgRoutes } from './org.ts';
import { roleRoutes } from './roles-api.ts';
import type { Route } from './route.ts';
import { logRoutes } from './system-log.ts';
import { userRoutes } from './users.ts';

/** Every operation that the simulator knows. */
export const routes: readonly Route[] = [
  ...userRoutes,
  ...lifecycleRoutes,
  ...groupRoutes,
  ...roleRoutes,
  ...grantRoutes,
  ...orgRoutes,
  ...logRoutes,
  ...eventHookRoutes,
];
