import type { Authentication } from '../activities/results.ts';
import type { CheckInput } from './messages.ts';
import { managing } from './proxies.ts';

/** `?check=true`: verifies a credential without keeping a connection. */
export async function check(input: CheckInput): Promise<Authentication> {
  return managing.checkCredential({ connectionId: input.connectionId });
}
