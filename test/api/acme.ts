import { z } from 'zod';
import type { Action, Connector } from '../../connectors/connector.ts';
import { defineConnector } from '../../connectors/define.ts';
import { Failure } from '../../connectors/kit/failures.ts';

const unused = () => {
  throw new Error('the API never calls an app');
};
const action = (undo: boolean): Action<never, never> => ({
  read: unused,
  apply: unused,
  verified: unused,
  repeat: undo ? 'readable' : 'harmless',
  ...(undo ? { undo: unused } : {}),
});

/** An app of two stages, two actions and a webhook whose proof is the secret itself. */
export const acme: Connector = defineConnector({
  id: 'acme',
  title: 'Acme',
  settings: z.strictObject({
    domain: z.string().regex(/^[a-z]+$/, 'wants lower-case letters'),
    baseUrl: z.url().default('https://acme.example.com'),
    region: z.enum(['eu', 'us']).optional(),
  }),
  credential: z.discriminatedUnion('form', [
    z.strictObject({ form: z.literal('token'), token: z.string().min(8) }),
    z.strictObject({ form: z.literal('client'), clientId: z.string(), clientSecret: z.string() }),
  ]),
  label: ({ domain }) => `${domain}.acme.example`,
  origins: ({ baseUrl }) => ({ api: [new URL(baseUrl).origin] }),
  identity: (credential): Record<string, string> =>
    credential.form === 'client' ? { form: 'client', clientId: credential.clientId } : { form: 'token' },
  quotas: () => [],
  authorize: unused,
  verify: unused,
  stages: { users: { sweep: unused, changes: unused }, activities: { sweep: unused } },
  actions: {
    suspendUser: action(true) as Action<{ accountId: string }, never>,
    revokeSessions: action(false) as Action<{ accountId: string }, never>,
  },
  push: {
    route({ method, path, query }) {
      if (method === 'GET')
        return { answer: { status: 200, contentType: 'text/plain', body: query['challenge'] ?? '' } };
      const [id] = path;
      if (!id) throw new Failure('notFound', 'the address names no connection');
      return { connectionIds: [id] };
    },
    receive({ headers, body }, secrets) {
      if (!secrets.includes(headers['x-acme-secret'] ?? '')) throw new Failure('unauthorized', 'wrong secret');
      const ids = Buffer.from(body).toString().split(',').filter(Boolean);
      const touched = ids.map((vendorId) => ({ kind: 'accounts' as const, vendorId }));
      return { touched, parts: [], id: headers['x-acme-id'], lapsed: headers['x-acme-lapsed'] === 'yes' };
    },
    subscribe: unused,
    unsubscribe: unused,
  },
  absent: {
    files: 'not applicable: Acme stores no files',
    permissions: 'not supported by the app',
    trashFile: 'not applicable: Acme stores no files',
  },
}) as Connector;
