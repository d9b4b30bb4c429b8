import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';

/** Names one attempt of one activity, so that nothing another attempt does can pass for its work. */
export const holderOf = (): string => {
  const { activityId, attempt } = Context.current().info;
  return `${activityId}.${attempt}.${randomUUID()}`;
};
