// Whether the container runtime starts pods by our network: it takes the first file by name of its
// directory, whoever wrote it.

import type { CniFile, Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

const OWN_PLUGIN = 'poplin';

export function conflist({ cniFiles, agent }: Facts): Verdict {
  if (!cniFiles.known) return { skipped: cniFiles.why };
  const [first] = cniFiles.value;
  const own = cniFiles.value.find(isOwn);
  if (own !== undefined && first !== undefined && first !== own) {
    return [
      {
        severity: 'error',
        what: `${describe(first)} comes before ${own.name} in the runtime's directory`,
        why:
          'the container runtime takes the first file by name: new pods get that ' +
          "network, not Poplin's",
        do:
          `remove ${first.name}, or move it away; then start those pods again that came ` +
          'meanwhile',
      },
    ];
  }
  if (own !== undefined || !agent.known || !agent.value.ready) return [];
  const others = first === undefined ? 'there is none' : `there is ${describe(first)}`;
  return [
    {
      severity: 'error',
      what:
        "the runtime's directory has no conflist of Poplin, though the node is ready: " +
        `${others}`,
      why: 'somebody has removed it, or the agent and the runtime look into different directories',
      do:
        "give the agent the runtime's directory by --cni-conf-dir, and restart the " +
        'agent, which writes it',
    },
  ];
}

const isOwn = ({ plugins }: CniFile): boolean => plugins.includes(OWN_PLUGIN);

const describe = ({ name, network, plugins }: CniFile): string => {
  const by = plugins.length === 0 ? '' : ` by ${plugins.join(', ')}`;
  return network === '' ? name : `${name} (network ${network}${by})`;
};
