import { createHash } from 'node:crypto';

/** A refusal as the JSON services say it. */
export class AwsRefusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

interface Kept {
  id: string;
  at: number;
  record: Record<string, unknown>;
}
interface Ask {
  StartTime?: number;
  EndTime?: number;
  MaxResults?: number;
  NextToken?: string;
  LookupAttributes?: { AttributeKey?: string; AttributeValue?: string }[];
}

const day = 86_400_000;
const attributes: Record<string, (record: Record<string, unknown>) => unknown> = {
  EventId: (record) => record.eventID,
  EventName: (record) => record.eventName,
  EventSource: (record) => record.eventSource,
  ReadOnly: (record) => (record.readOnly === undefined ? undefined : String(record.readOnly)),
  Username: (record) => (record.userIdentity as { userName?: string } | undefined)?.userName,
  AccessKeyId: (record) => (record.userIdentity as { accessKeyId?: string } | undefined)?.accessKeyId,
};

/** CloudTrail's event history: 90 days of management events a Region, newest first, two calls a second. */
export function createEventHistory(now: () => number, perSecond: () => number) {
  const events = new Map<string, Kept[]>();
  const spent = new Map<string, number[]>();
  let generation = 0;

  function limit(region: string): void {
    const at = now();
    const recent = (spent.get(region) ?? []).filter((time) => time > at - 1000);
    if (recent.length >= perSecond()) throw new AwsRefusal('ThrottlingException', 'Rate exceeded');
    spent.set(region, [...recent, at]);
  }

  return {
    add(region: string, records: readonly Record<string, unknown>[]): void {
      const list = events.get(region) ?? [];
      for (const record of records)
        list.push({ id: String(record.eventID), at: Date.parse(String(record.eventTime)), record });
      list.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
      events.set(region, list);
    },
    /** Every token that was given becomes invalid. */
    forgetTokens(): void {
      generation++;
    },
    lookup(region: string, ask: Ask): unknown {
      limit(region);
      const { MaxResults = 50, LookupAttributes = [] } = ask;
      if (!Number.isInteger(MaxResults) || MaxResults < 1 || MaxResults > 50)
        throw new AwsRefusal('InvalidMaxResultsException', 'MaxResults must be between 1 and 50');
      if (LookupAttributes.length > 1 || LookupAttributes.some(({ AttributeKey = '' }) => !attributes[AttributeKey]))
        throw new AwsRefusal('InvalidLookupAttributesException', 'one known attribute at most');
      const end = ask.EndTime === undefined ? now() : ask.EndTime * 1000;
      const start = Math.max(ask.StartTime === undefined ? 0 : ask.StartTime * 1000, now() - 90 * day);
      if (ask.StartTime !== undefined && ask.StartTime * 1000 > end)
        throw new AwsRefusal('InvalidTimeRangeException', 'StartTime is after EndTime');
      // A token is good for the very same question only.
      const question = createHash('sha256')
        .update(JSON.stringify([region, ask.StartTime, ask.EndTime, MaxResults, LookupAttributes, generation]))
        .digest('hex')
        .slice(0, 16);
      let after: { at: number; id: string } | undefined;
      if (ask.NextToken !== undefined) {
        const [asked, at, id] = Buffer.from(ask.NextToken, 'base64url').toString('utf8').split('|');
        if (asked !== question || id === undefined) throw new AwsRefusal('InvalidNextTokenException', 'invalid token');
        after = { at: Number(at), id };
      }
      const all = (events.get(region) ?? []).filter(
        ({ at, record }) =>
          at >= start &&
          at <= end &&
          record.managementEvent !== false &&
          LookupAttributes.every(
            ({ AttributeKey = '', AttributeValue }) => attributes[AttributeKey]!(record) === AttributeValue,
          ),
      );
      const rest = after ? all.filter(({ at, id }) => at < after.at || (at === after.at && id < after.id)) : all;
      const page = rest.slice(0, MaxResults);
      const last = page.at(-1);
      return {
        Events: page.map(({ id, at, record }) => ({
          EventId: id,
          EventName: record.eventName,
          ReadOnly: record.readOnly === undefined ? undefined : String(record.readOnly),
          EventTime: Math.floor(at / 1000),
          EventSource: record.eventSource,
          Username: attributes.Username!(record),
          Resources: [],
          CloudTrailEvent: JSON.stringify(record),
        })),
        NextToken:
          rest.length > page.length && last
            ? Buffer.from(`${question}|${last.at}|${last.id}`).toString('base64url')
            : undefined,
      };
    },
  };
}
