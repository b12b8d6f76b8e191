// Where the doctor looks: at what the agent of this node was told, which it has left in its run
// directory, or at the usual places and the environment of its container where there was none.

import type { AgentTrace } from '../../agent/agent-trace.ts';
import { readTrace } from '../../agent/agent-trace.ts';

export type Places = Omit<AgentTrace, 'version' | 'pid'> & {
  readonly runDir: string;
  /** Of the last agent that has started; undefined where nobody has told. */
  readonly agentPid: number | undefined;
  readonly environment: Environment;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export function placesOf(runDir: string, environment: Environment): Places {
  const trace = readTrace(runDir);
  if (trace !== undefined) {
    const { version: _, pid, ...rest } = trace;
    return { ...rest, runDir, agentPid: pid, environment };
  }
  const value = (name: string, usual: string): string => environment[`POPLIN_${name}`] ?? usual;
  const isEtcd = value('DATASTORE', '') === 'etcd';
  return {
    runDir,
    agentPid: undefined,
    environment,
    nodeName: value('NODE_NAME', ''),
    datastore: isEtcd ? 'etcd' : 'kubernetes',
    kubeconfig: value('KUBECONFIG', ''),
    namespace: value('NAMESPACE', 'poplin'),
    configMap: value('CONFIG_MAP', 'poplin-config'),
    netConfFile: value('NET_CONF_FILE', ''),
    stateDir: value('STATE_DIR', '/var/lib/poplin'),
    birdDir: value('BIRD_DIR', '/run/poplin/bird'),
    cniConfDir: value('CNI_CONF_DIR', '/etc/cni/net.d'),
    procSys: value('PROC_SYS', '/proc/sys/net'),
    ...(isEtcd ? { etcd: etcdOf(value) } : {}),
    secretPlaces: [
      value('BGP_PASSWORDS_DIR', '/etc/poplin/bgp-passwords'),
      value('ETCD_KEY_FILE', ''),
      value('ETCD_PASSWORD_FILE', ''),
    ],
  };
}

const etcdOf = (value: (name: string, usual: string) => string): NonNullable<Places['etcd']> => ({
  endpoints: value('ETCD_ENDPOINTS', '')
    .split(',')
    .map((endpoint) => endpoint.trim())
    .filter((endpoint) => URL.canParse(endpoint)),
  caFile: value('ETCD_CA_FILE', ''),
  certFile: value('ETCD_CERT_FILE', ''),
  keyFile: value('ETCD_KEY_FILE', ''),
});
