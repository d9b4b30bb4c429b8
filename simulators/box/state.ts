import { seeded, seededUuid } from '../kit/seeded.ts';
import type { Random } from '../kit/seeded.ts';
import { OrderedTable } from '../kit/ordered-table.ts';
import type { Content } from './content.ts';
import { createCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import { Due } from './due.ts';
import { EventLog } from './event-log.ts';
import { ItemStore } from './item-store.ts';
import type { Knobs } from './knobs.ts';
import { PersonalLog } from './personal-log.ts';
import type {
  AccessToken,
  App,
  Collab,
  DevicePin,
  Group,
  Item,
  Membership,
  SharedLink,
  User,
  Webhook,
} from './objects.ts';

/** The whole tenant, in memory. Everything random comes from the seed. */
export class BoxState {
  readonly seed: number;
  readonly random: Random;
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly enterprise: { id: string; name: string; domain: string };
  readonly users = new OrderedTable<User>();
  readonly userByNumber = new Map<number, User>();
  readonly userByLogin = new Map<string, User>();
  readonly groups = new OrderedTable<Group>();
  readonly memberships = new OrderedTable<Membership>();
  readonly groupsOfUser = new Map<string, Set<string>>();
  readonly items: ItemStore;
  readonly links = new Map<number, SharedLink>();
  readonly linkByToken = new Map<string, number>();
  readonly collabs = new OrderedTable<Collab>();
  readonly collabsOfItem = new Map<number, Set<string>>();
  /** By `user <id>`, `group <id>` and `email <address>`. */
  readonly collabsOfGrantee = new Map<string, Set<string>>();
  readonly webhooks = new OrderedTable<Webhook>();
  readonly devicePins = new OrderedTable<DevicePin>();
  readonly apps = new Map<string, App>();
  readonly tokens = new Map<string, AccessToken>();
  readonly usedAssertions = new Set<string>();
  readonly events: EventLog;
  readonly personal = new PersonalLog();
  /** Addresses of the download host that are still good. */
  readonly downloads = new Map<string, { id: string; name: string; content: Content; expiresAt: number }>();
  readonly due = new Due();
  /** Something happened that webhooks may wait for; `source` is the whole item. */
  onTrigger: (trigger: string, item: Item, source: Record<string, unknown>, userId: string) => void = () => undefined;
  onWebhookEnded: (hook: Webhook) => void = () => undefined;
  #seq = 0;

  constructor(seed: number, name: string, knobs: Knobs, counters: Counters = createCounters()) {
    this.seed = seed;
    this.random = seeded(seed);
    this.knobs = knobs;
    this.counters = counters;
    this.enterprise = { id: String(27_000_000 + (seed % 1_000_000)), name, domain: `${name.toLowerCase()}.test` };
    this.items = new ItemStore((number) => this.userByNumber.get(number)?.id ?? '');
    this.events = new EventLog(this);
  }

  seq(): number {
    return ++this.#seq;
  }

  now(): number {
    return Date.now() + this.knobs.clockSkewMs;
  }

  uuid(): string {
    return seededUuid(this.random);
  }

  user(id: string): User | undefined {
    return this.users.get(id);
  }
}
