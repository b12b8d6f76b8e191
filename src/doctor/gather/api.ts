// Asks the Kubernetes API as the agent would, with the same credentials: whether it answers, what
// time it is there, and whether it would allow what the agent does. Nothing is written: a
// SelfSubjectAccessReview is a question.

import * as z from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { AppError, describeError } from '../../lib/errors.ts';
import { KubernetesClient } from '../../source/kubernetes/client.ts';
import type { Credentials } from '../../source/kubernetes/credentials.ts';
import { inClusterCredentials } from '../../source/kubernetes/credentials.ts';
import { kubeconfigCredentials } from '../../source/kubernetes/kubeconfig.ts';
import { RECORD_NAME } from '../../source/kubernetes/subnet-source-record.ts';
import type { ApiFacts, Known, Permission } from '../facts.ts';
import { known, unknown } from '../facts.ts';
import type { Places } from './places.ts';
import { askTime } from './server-clock.ts';

const TIMEOUT_MS = 5_000;
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

type Need = {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly group?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly isFor: string;
};

export async function askApi(places: Places, clock: Clock): Promise<Known<ApiFacts>> {
  let credentials: Credentials;
  try {
    credentials = await credentialsOf(places, clock);
  } catch (error) {
    return unknown(`the API cannot be asked from here: ${describeError(error)}`);
  }
  const client = new KubernetesClient({ credentials, clock, userAgent: 'poplin-doctor' });
  const { server } = credentials;
  try {
    const open = () => client.open(VERSION, AbortSignal.timeout(TIMEOUT_MS));
    const aheadMs = await askTime(clock, open);
    const rights = await askRights(client, needsOf(places));
    const time = aheadMs === undefined ? {} : { aheadMs };
    return known({ server: server.origin, problem: '', ...time, ...rights });
  } catch (error) {
    const problem = describeError(error);
    return known({ server: server.origin, problem, denied: [], unasked: problem });
  } finally {
    client.close();
  }
}

const credentialsOf = async (
  { kubeconfig, environment }: Places,
  clock: Clock,
): Promise<Credentials> =>
  kubeconfig === ''
    ? inClusterCredentials({ clock, environment })
    : await kubeconfigCredentials(kubeconfig, clock);

/** An answer to it comes at once, and everybody may ask. */
const VERSION = { method: 'GET', path: '/version' } as const;

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

async function askRights(
  client: KubernetesClient,
  needs: readonly Need[],
): Promise<Pick<ApiFacts, 'denied' | 'unasked'>> {
  const denied: Permission[] = [];
  try {
    for (const need of needs) {
      const { isFor, ...resourceAttributes } = need;
      const body = {
        ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
        spec: { resourceAttributes },
      };
      const call = { method: 'POST', path: REVIEWS, body, timeoutMs: TIMEOUT_MS } as const;
      const { status } = reviewSchema.parse(await client.call(call));
      if (!status.allowed) denied.push({ action: actionOf(need), isFor });
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { denied, unasked: `the API does not say what is allowed: ${describeError(error)}` };
  }
  return { denied, unasked: '' };
}

function actionOf({ verb, resource, subresource, name }: Need): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  return name === undefined ? `${verb} ${what}` : `${verb} ${what} ${name}`;
}

/** What the agent asks for (deploy/poplin.yaml grants it). */
function needsOf({ nodeName, namespace, configMap, netConfFile }: Places): readonly Need[] {
  const configMaps = { resource: 'configmaps', namespace };
  const leases = { group: 'coordination.k8s.io', resource: 'leases', namespace };
  const config = netConfFile === '' ? [configMap, RECORD_NAME] : [RECORD_NAME];
  const reads = (need: Omit<Need, 'verb'>): readonly Need[] =>
    ['list', 'watch'].map((verb) => ({ verb, ...need }));
  const status = { resource: 'nodes', subresource: 'status', name: nodeName };
  return [
    ...reads({ resource: 'nodes', isFor: 'to know the peers' }),
    { verb: 'patch', ...status, isFor: 'to tell peers how this node is reached' },
    ...config.flatMap((name) => reads({ ...configMaps, name, isFor: 'to know the configuration' })),
    { verb: 'create', ...configMaps, isFor: 'to record what gives nodes their subnets' },
    ...reads({ ...leases, isFor: 'to know which subnets are taken' }),
    ...['create', 'patch', 'delete'].map((verb) => ({
      ...{ verb, ...leases, isFor: 'to claim subnets and give them back' },
    })),
    ...['create', 'patch'].map((verb) => ({
      ...{
        verb,
        resource: 'events',
        namespace: 'default',
        isFor: 'to tell operators what is wrong',
      },
    })),
  ];
}
