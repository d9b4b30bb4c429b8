import type { OcsfClass } from '../kit/ocsf.ts';

interface EventClass {
  ocsfClass: OcsfClass;
  activity: number;
  /** The activity as API Activity, where the row lacks what the class needs. */
  apiActivity: number;
  /** False for a type that no family has: it is an API Activity by its verb, if that. */
  known: boolean;
}

/**
 * Okta's catalogue has some 1,200 types and grows, so families are told by pattern, the first that matches. 99 is
 * "other": the event keeps its type as the name of the activity.
 */
const families: readonly (readonly [RegExp, OcsfClass, number])[] = [
  [/^user\.session\.(start|access_admin_app)$/, 'authentication', 1],
  [/^user\.session\.(end|clear|expire)$/, 'authentication', 2],
  [/^user\.session\.impersonation\.initiate$/, 'authentication', 7],
  [/^user\.session\.impersonation\.end$/, 'authentication', 2],
  [/^user\.authentication\.(slo|universal_logout)/, 'authentication', 2],
  [/^user\.authentication\./, 'authentication', 1],
  [/^policy\.evaluate_sign_on$/, 'authentication', 6],

  [/^user\.lifecycle\.create$/, 'accountChange', 1],
  [/^user\.lifecycle\.(activate|reactivate|unsuspend)$/, 'accountChange', 2],
  [/^user\.lifecycle\.(suspend|deactivate)$/, 'accountChange', 5],
  [/^user\.lifecycle\.delete\b/, 'accountChange', 6],
  [/^user\.lifecycle\./, 'accountChange', 99],
  [/^user\.account\.lock\b/, 'accountChange', 9],
  [/^user\.account\.unlock/, 'accountChange', 12],
  [/^user\.account\.update_password$/, 'accountChange', 3],
  [/^user\.account\.(reset_password|expire_password)/, 'accountChange', 4],
  [/^user\.mfa\.factor\.(activate|unsuspend)$/, 'accountChange', 10],
  [/^user\.mfa\.factor\.(deactivate|reset_all|suspend)$/, 'accountChange', 11],
  [/^user\.mfa\.factor\.update$/, 'accountChange', 99],
  [/^user\.account\.update_/, 'accountChange', 99],

  [/^user\.account\.privilege\.grant$/, 'userAccess', 1],
  [/^user\.account\.privilege\.revoke$/, 'userAccess', 2],
  [/^application\.user_membership\.(add|provision|restore)$/, 'userAccess', 1],
  [/^application\.user_membership\.(remove|deprovision|revoke)$/, 'userAccess', 2],
  [/^app\.oauth2\.(as\.)?consent\.grant/, 'userAccess', 1],
  [/^app\.oauth2\.(as\.)?consent\.revoke/, 'userAccess', 2],

  [/^group\.privilege\.grant$/, 'groupManagement', 1],
  [/^group\.privilege\.revoke$/, 'groupManagement', 2],
  [/^group\.user_membership\.add$/, 'groupManagement', 3],
  [/^group\.user_membership\.remove$/, 'groupManagement', 4],
  [/^group\.lifecycle\.delete$/, 'groupManagement', 5],
  [/^group\.lifecycle\.create$/, 'groupManagement', 6],
  [/^group\.profile\./, 'groupManagement', 99],
];

/** Objects of the org's configuration: what happens to them is in the last word of the type. */
const entities =
  /^(application\.(lifecycle|policy|configuration|provision)|policy|zone|network_zone|system\.(api_token|idp|log_stream|mfa\.factor|agent\.[a-z]+|custom_error|brand)|event_hook|inline_hook|iam|device|oauth2\.(as|claim|scope|client)|security\.(authenticator|trusted_origin)|app\.keys|trusted_origin|resource)\./;

const entityVerbs: readonly (readonly [RegExp, number])[] = [
  [/^(create|created|add|upload|register|generate)$/, 1],
  [/^(read|view|list|export)$/, 2],
  [/^(update|updated|edit|rotate|change|modify)$/, 3],
  [/^(delete|deleted|revoke|remove)$/, 4],
  [/^enroll$/, 6],
  [/^unenroll$/, 7],
  [/^enable$/, 8],
  [/^disable$/, 9],
  [/^activate$/, 10],
  [/^deactivate$/, 11],
  [/^suspend$/, 12],
  [/^unsuspend$/, 13],
];

const apiVerbs: readonly (readonly [RegExp, number])[] = [
  [/(^|_)(create|created|add|grant|generate|import|register|enroll|start|initiate)(_|$)/, 1],
  [/(^|_)(read|view|list|export|download|show|evaluate|access)(_|$)/, 2],
  [/(^|_)(update|updated|change|modify|rotate|reset|edit|set)(_|$)/, 3],
  [/(^|_)(delete|deleted|remove|revoke|clear|end|unenroll)(_|$)/, 4],
];

const verbOf = (type: string, verbs: readonly (readonly [RegExp, number])[]) => {
  const words = type.split('.').reverse();
  for (const word of words.slice(0, 2)) {
    const found = verbs.find(([pattern]) => pattern.test(word));
    if (found) return found[1];
  }
  return 99;
};

export function classOf(eventType: string): EventClass {
  const apiActivity = verbOf(eventType, apiVerbs);
  const family = families.find(([pattern]) => pattern.test(eventType));
  if (family) return { ocsfClass: family[1], activity: family[2], apiActivity, known: true };
  const activity = entities.test(eventType) ? verbOf(eventType, entityVerbs) : 99;
  if (activity !== 99) return { ocsfClass: 'entityManagement', activity, apiActivity, known: true };
  return { ocsfClass: 'apiActivity', activity: apiActivity, apiActivity, known: false };
}
