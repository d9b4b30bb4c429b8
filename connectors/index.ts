import { aws } from './aws/index.ts';
import { box } from './box/index.ts';
import type { Connector } from './connector.ts';
import { okta } from './okta/index.ts';

/** Every app that can be connected: one line each. */
export const connectors: readonly Connector[] = [okta, aws, box];

export const connectorOf = (app: string): Connector | undefined => connectors.find(({ id }) => id === app);
