import { collaborationRoutes } from './collaborations-api.ts';
import { contentRoutes } from './content-api.ts';
import { enterpriseRoutes } from './enterprise-api.ts';
import { eventRoutes } from './events-api.ts';
import { groupRoutes } from './groups-api.ts';
import { itemRoutes } from './items-api.ts';
import type { Route } from './route.ts';
import { trashRoutes } from './trash-api.ts';
import { userRoutes } from './users-api.ts';
import { versionRoutes } from './versions-api.ts';
import { webhookRoutes } from './webhooks-api.ts';

/** Everything that the simulator answers, by the paths of Box's API description. */
export const routes: readonly Route[] = [
  ...userRoutes,
  ...groupRoutes,
  ...itemRoutes,
  ...trashRoutes,
  ...versionRoutes,
  ...contentRoutes,
  ...collaborationRoutes,
  ...eventRoutes,
  ...webhookRoutes,
  ...enterpriseRoutes,
];
