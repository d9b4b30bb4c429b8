import { sleep } from '@temporalio/workflow';
import { check } from '../../workflows/check.ts';
import { connection as today } from '../../workflows/connection.ts';
import type { ConnectionInput } from '../../workflows/messages.ts';

/** As if somebody had put a timer before the first command, without `patched()`. */
export async function connection(input: ConnectionInput): Promise<void> {
  await sleep(1);
  await today(input);
}

export { check };
