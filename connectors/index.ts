import { aws } from './aws/index.ts';
import type { Connector } from './connector.ts';
import { okta } from './okta/index.ts';

/** Every app that can be connected: one line each. */
export const connectors: readonly Connector[] = [okta, aws];

export const connectorOf = (app: string): Connector | undefined => connectors.find(({ id }) => id === app);
