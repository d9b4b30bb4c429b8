import type { Router } from 'express';
import { z } from 'zod';
import { actionNames, actionTitles } from '../../connectors/actions.ts';
import type { Capability, Connector } from '../../connectors/connector.ts';
import { stageNames } from '../../connectors/records.ts';
import { address } from '../address.ts';
import type { Deps } from '../deps.ts';
import { parseQuery } from '../input.ts';
import { notFound } from '../problems.ts';

const none = z.object({});

export function appRoutes(router: Router, { connectors }: Pick<Deps, 'connectors'>): void {
  address(router, '/apps', {
    get: [
      'viewer',
      (request, response) => {
        parseQuery(none, request);
        response.json({ items: connectors.map(capabilities) });
      },
    ],
  });
  address(router, '/apps/:app', {
    get: [
      'viewer',
      (request, response) => {
        parseQuery(none, request);
        const connector = connectors.find(({ id }) => id === request.params['app']);
        if (!connector) throw notFound('this app');
        response.json({
          ...capabilities(connector),
          settings: inputSchema(connector.settingsSchema),
          credential: inputSchema(connector.credentialSchema),
        });
      },
    ],
  });
}

/** Each capability: there, perhaps with what it is limited to, or the reason why it is not. */
function capabilities(connector: Connector) {
  const { id, title, stages, actions, push, content, absent, partly } = connector;
  const has = (there: unknown, name: Capability) =>
    there
      ? { available: true, ...(partly[name] !== undefined && { only: partly[name] }) }
      : { available: false, why: absent[name] ?? 'not supported by the app' };
  return {
    id,
    title,
    stages: Object.fromEntries(
      stageNames.map((name) => [name, { ...has(stages[name], name), follows: Boolean(stages[name]?.changes) }]),
    ),
    actions: Object.fromEntries(
      actionNames.map((name) => [
        name,
        { title: actionTitles[name], ...has(actions[name], name), undoable: Boolean(actions[name]?.undo) },
      ]),
    ),
    push: has(push, 'push'),
    content: has(content, 'content'),
  };
}

/** What a caller may send; a schema that JSON Schema cannot say in full is shown as far as it can. */
const inputSchema = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
