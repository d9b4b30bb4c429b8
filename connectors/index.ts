import type { Connector } from './connector.ts';

/** Every app that can be connected: one line each. */
export const connectors: readonly Connector[] = [];

export const connectorOf = (app: string): Connector | undefined => connectors.find(({ id }) => id === app);
