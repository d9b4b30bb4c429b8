import type { TrailEvent } from '../../connectors/aws/ocsf.ts';

/** A sign-in or a change of a user, as CloudTrail tells it. */
export const madeEvent = (index: number, at: number): TrailEvent => ({
  eventVersion: '1.11',
  eventID: `made-${index}`,
  eventTime: new Date(at).toISOString().replace(/\.\d+/, ''),
  eventSource: index % 2 ? 'signin.amazonaws.com' : 'iam.amazonaws.com',
  eventName: index % 2 ? 'ConsoleLogin' : 'UpdateUser',
  awsRegion: 'us-east-1',
  recipientAccountId: '123456789012',
  sourceIPAddress: '198.51.100.7',
  userIdentity: { type: 'IAMUser', principalId: 'AIDA1', userName: 'user0001@example.com', accountId: '123456789012' },
  requestParameters: index % 2 ? null : { userName: 'user0002@example.com' },
  responseElements: index % 2 ? { ConsoleLogin: 'Success' } : null,
  readOnly: false,
  managementEvent: true,
});
