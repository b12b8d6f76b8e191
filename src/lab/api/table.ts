// The columns that `kubectl get` prints for each kind, as the real server's printers have them
// (pkg/printers/internalversion). A kind without an entry gets its name and age. Pure.

import type { Kind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { isJsonObject, listAt, textAt, valueAt } from './object.ts';

export type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer';
  /** Above 0 only with `-o wide`. */
  readonly priority: number;
  readonly format?: string;
  value(object: KubeObject, now: Date): string | number;
};

type Value = Column['value'];

const column = (name: string, value: Value, priority = 0): Column => ({
  name,
  type: 'string',
  priority,
  value,
});

const number = (name: string, value: Value): Column => ({
  ...column(name, value),
  type: 'integer',
});

const text =
  (path: string): Value =>
  (object) =>
    textAt(object, path) || '<none>';

const size =
  (...paths: readonly string[]): Value =>
  (object) =>
    paths.reduce((sum, path) => {
      const found = valueAt(object, path);
      return sum + (typeof found === 'object' && found !== null ? Object.keys(found).length : 0);
    }, 0);

const since =
  (...paths: readonly string[]): Value =>
  (object, now) => {
    const stamp = paths.map((path) => textAt(object, path)).find((found) => found !== '');
    return stamp === undefined ? '<unknown>' : humanAge(now.getTime() - Date.parse(stamp));
  };

const NAME: Column = { ...column('Name', (object) => object.metadata.name ?? ''), format: 'name' };
const AGE = column('Age', since('metadata.creationTimestamp'));

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  nodes: [
    NAME,
    column('Status', nodeStatus),
    column('Roles', nodeRoles),
    AGE,
    column('Version', (node) => textAt(node, 'status.nodeInfo.kubeletVersion')),
    column('Internal-IP', nodeAddress('InternalIP'), 1),
    column('External-IP', nodeAddress('ExternalIP'), 1),
    column('OS-Image', textAtNodeInfo('osImage'), 1),
    column('Kernel-Version', textAtNodeInfo('kernelVersion'), 1),
    column('Container-Runtime', textAtNodeInfo('containerRuntimeVersion'), 1),
    column('Pod-CIDRs', podCidrs, 1),
  ],
  pods: [
    NAME,
    column('Ready', podReady),
    column('Status', (pod) => textAt(pod, 'status.reason') || textAt(pod, 'status.phase')),
    column('Restarts', podRestarts),
    AGE,
    column('IP', text('status.podIP'), 1),
    column('Node', text('spec.nodeName'), 1),
  ],
  namespaces: [NAME, column('Status', text('status.phase')), AGE],
  configmaps: [NAME, number('Data', size('data', 'binaryData')), AGE],
  secrets: [NAME, column('Type', text('type')), number('Data', size('data')), AGE],
  leases: [NAME, column('Holder', (lease) => textAt(lease, 'spec.holderIdentity')), AGE],
  networkpolicies: [NAME, column('Pod-Selector', podSelector), AGE],
  events: [
    column('Last Seen', since('lastTimestamp', 'eventTime', 'metadata.creationTimestamp')),
    column('Type', text('type')),
    column('Reason', text('reason')),
    column('Object', eventObject),
    column('Source', text('source.component'), 1),
    column('Message', (event) => textAt(event, 'message').trim()),
    column('Count', (event) => textAt(event, 'count') || '1', 1),
    { ...NAME, priority: 1 },
  ],
};

export const columnsOf = (kind: Kind): readonly Column[] => COLUMNS[kind.resource] ?? [NAME, AGE];

export const rowOf = (kind: Kind, object: KubeObject, now: Date): readonly (string | number)[] =>
  columnsOf(kind).map((each) => each.value(object, now));

/** Like apimachinery's HumanDuration: at most two units, fewer digits the older it is. */
export function humanAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const two = (big: string, rest: number, unit: string): string =>
    rest === 0 ? big : `${big}${rest}${unit}`;
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return two(`${minutes}m`, seconds % 60, 's');
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return two(`${hours}h`, minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return two(`${days}d`, hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return two(`${Math.floor(days / 365)}y`, days % 365, 'd');
}

function nodeStatus(node: KubeObject): string {
  const ready = listAt(node, 'status.conditions').find(
    (condition) => textAt(condition, 'type') === 'Ready',
  );
  const status = { True: 'Ready', False: 'NotReady' }[textAt(ready, 'status')] ?? 'Unknown';
  return textAt(node, 'spec.unschedulable') === 'true' ? `${status},SchedulingDisabled` : status;
}

function nodeRoles({ metadata }: KubeObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(metadata.labels ?? {})
    .filter((label) => label.startsWith(prefix) && label.length > prefix.length)
    .map((label) => label.slice(prefix.length));
  return roles.length === 0 ? '<none>' : roles.sort().join(',');
}

function nodeAddress(type: string): Value {
  return (node) => {
    const found = listAt(node, 'status.addresses').find((each) => textAt(each, 'type') === type);
    return textAt(found, 'address') || '<none>';
  };
}

function textAtNodeInfo(member: string): Value {
  return (node) => textAt(node, `status.nodeInfo.${member}`) || '<unknown>';
}

/** Not a column of the real server: the subnets are what one looks for in a lab. */
function podCidrs(node: KubeObject): string {
  const cidrs = listAt(node, 'spec.podCIDRs').map(String);
  return cidrs.length === 0 ? '<none>' : cidrs.join(',');
}

/** As a label selector is typed. */
function podSelector(policy: KubeObject): string {
  const labels = valueAt(policy, 'spec.podSelector.matchLabels');
  const equal = Object.entries(isJsonObject(labels) ? labels : {})
    .map(([key, value]) => `${key}=${String(value)}`)
    .sort();
  const terms = listAt(policy, 'spec.podSelector.matchExpressions').map((term) => {
    const [key, operator] = [textAt(term, 'key'), textAt(term, 'operator')];
    const values = listAt(term, 'values').join(',');
    if (operator === 'Exists') return key;
    return operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator.toLowerCase()} (${values})`;
  });
  return [...equal, ...terms].join(',') || '<none>';
}

function podReady(pod: KubeObject): string {
  const statuses = listAt(pod, 'status.containerStatuses').filter(isJsonObject);
  const ready = statuses.filter((status) => status.ready === true).length;
  return `${ready}/${listAt(pod, 'spec.containers').length}`;
}

function podRestarts(pod: KubeObject): string {
  const statuses = listAt(pod, 'status.containerStatuses');
  return String(
    statuses.reduce<number>((sum, status) => sum + Number(textAt(status, 'restartCount')), 0),
  );
}

function eventObject(event: KubeObject): string {
  const kind = textAt(event, 'involvedObject.kind').toLowerCase();
  const name = textAt(event, 'involvedObject.name');
  return kind === '' ? name : `${kind}/${name}`;
}
