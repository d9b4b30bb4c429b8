import { z } from 'zod';
import type { Connector } from '../connectors/connector.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { ConnectionDocument } from '../store/documents.ts';
import { invalidBody, parseBody } from './input.ts';
import { HttpProblem, invalidField, pointerOf, type FieldError } from './problems.ts';

const object = z.record(z.string(), z.unknown(), 'wants an object');

export const connectionBody = z.strictObject({
  app: z.string().min(1).max(40),
  name: z.string().trim().min(1).max(200).optional(),
  settings: object,
  credential: object,
  governance: z.enum(['on', 'off']).optional(),
  protected: z.array(z.string().min(1).max(1024)).max(1_000).optional(),
  scanEveryMinutes: z.int().min(5).max(10_080).optional(),
  parallel: z.int().min(1).max(16).optional(),
  /** Actions that all batches together may begin in any hour. */
  batchPerHour: z.int().min(1).max(10_000).optional(),
  /** Whether the bytes of files are read: costs a call a file and version, and shows in the app's own audit trail. */
  content: z.enum(['on', 'off']).optional(),
  contentMaxMegabytes: z.int().min(1).max(10_240).optional(),
});

/** What the store has of it; refused where the app hands out no content. */
export function contentOf(
  { content, contentMaxMegabytes }: Pick<z.output<typeof connectionBody>, 'content' | 'contentMaxMegabytes'>,
  connector: Connector,
): Pick<ConnectionDocument, 'content' | 'contentMaxBytes'> {
  if (content === 'on' && !connector.content) throw invalidField('/content', `${connector.title} hands out no content`);
  return {
    ...(content !== undefined && { content }),
    ...(contentMaxMegabytes !== undefined && { contentMaxBytes: contentMaxMegabytes * 1024 * 1024 }),
  };
}

export const credentialBody = connectionBody.pick({ credential: true });

/** Checked by the app's own schemas: every wrong field of settings and credential at once, then the origins. */
export function parseForConnector(
  connector: Connector,
  body: { settings: Record<string, unknown>; credential: Record<string, unknown> },
  allowLocalOrigins: boolean,
): { label: string; identity: Record<string, string> } {
  const errors: FieldError[] = [];
  for (const [part, schema] of [
    ['settings', connector.settingsSchema],
    ['credential', connector.credentialSchema],
  ] as const) {
    try {
      parseBody(schema, body[part], [part]);
    } catch (error) {
      if (!(error instanceof HttpProblem)) throw error;
      errors.push(...(error.extras.errors ?? []));
    }
  }
  if (errors.length > 0) throw invalidBody(errors);
  try {
    connector.check(body.settings, body.credential, allowLocalOrigins);
    return { label: connector.label(body.settings), identity: connector.identity(body.credential) };
  } catch (error) {
    if (!Failure.is(error, 'invalid')) throw error;
    const { field = '', remedy } = error.details;
    throw invalidBody([{ pointer: pointerOf(field === '' ? [] : field.split('.')), detail: error.message, remedy }]);
  }
}
