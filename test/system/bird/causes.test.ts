// What is said of sessions that do not come up, by real BIRDs of which each session is broken in
// one way: another AS, another password, nobody there, no way there, GTSM at one end, no BFD.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bird } from '../../../src/bird/bird.ts';
import type { SessionFacts } from '../../../src/bird/causes.ts';
import { causeOf, causeText } from '../../../src/bird/causes.ts';
import { Sidecar, TEST_TIMEOUT_MS, TwoNodes, until } from './real-bird.ts';

type Broken = {
  readonly name: string;
  /** Statements of this end, and of the other one; without them nobody listens there. */
  readonly own?: string;
  readonly other?: string;
  readonly otherAs?: number;
  readonly neighbour?: string;
  readonly facts?: SessionFacts;
  readonly says: RegExp;
};

const BROKEN: readonly Broken[] = [
  { name: 'as', other: '', otherAs: 64_513, says: /^the other end has another AS number/ },
  { name: 'secret', own: 'password "a";', other: 'password "b";', says: /the password differs/ },
  {
    ...{ name: 'secretless', own: '', other: 'password "b";', facts: { hasPassword: false } },
    says: /only the other end has a password/,
  },
  { name: 'refused', says: /^nobody speaks BGP there/ },
  { name: 'absent', neighbour: '10.9.0.99', says: /^the machine is not on this network/ },
  { name: 'far', neighbour: '192.0.2.7', own: 'multihop;', says: /^this node has no route to it/ },
  {
    name: 'gtsm',
    own: 'direct; ttl security on;',
    other: 'direct;',
    says: /GTSM is on at one end/,
  },
  { name: 'bfd', own: 'bfd on;', other: 'bfd on;', says: /^packets between both were lost/ },
];

const ownOf = (index: number): string => `10.9.0.${11 + index}`;
const otherOf = (index: number): string => `10.9.0.${31 + index}`;

function confOf(number: 1 | 2): string {
  const sessions = BROKEN.flatMap(({ name, own = '', other, otherAs, neighbour }, index) => {
    const [local, remote] = number === 1 ? [ownOf, otherOf] : [otherOf, ownOf];
    const statements = number === 1 ? own : other;
    if (statements === undefined) return [];
    const as = number === 1 ? 64_512 : (otherAs ?? 64_512);
    const to = number === 1 && neighbour !== undefined ? neighbour : remote(index);
    return `protocol bgp to_${name} from broken { local ${local(index)} as ${as};
  neighbor ${to} as 64512; ${statements} }`;
  });
  return `log stderr all;
router id 10.9.0.${number};
timeformat protocol iso long ms;
protocol device { scan time 10; }
protocol bfd { interface "*" { interval 500 ms; multiplier 5; }; }
template bgp broken { strict bind; connect delay time 1; connect retry time 2; error wait time 1,2;
  ${number === 2 ? 'passive;' : ''} ipv4 { import none; export none; }; }
${sessions.join('\n')}
`;
}

test('each cause has its words', { timeout: TEST_TIMEOUT_MS }, async () => {
  using nodes = new TwoNodes();
  for (const index of BROKEN.keys()) {
    nodes.one.run(`ip address add ${ownOf(index)}/24 dev eth0`);
    nodes.two.run(`ip address add ${otherOf(index)}/24 dev eth0`);
  }
  await using left = new Sidecar(nodes.one);
  await using right = new Sidecar(nodes.two);
  for (const [sidecar, number] of [[left, 1] as const, [right, 2] as const]) {
    writeFileSync(join(sidecar.directory, 'bird.conf'), confOf(number));
  }
  left.start();
  const bird = await until('BIRD answers', () => left.open().catch(() => undefined));
  // What is kept of that as the last error must not be taken for what is wrong later.
  // Who has a password takes no refusal without one.
  const answered = BROKEN.filter(
    ({ own = '', other }) => other !== undefined && !own.includes('password'),
  );
  await until('each was refused', async () => {
    const refused = (await bird.sessions()).filter(({ lastError }) =>
      /refused/.test(lastError ?? ''),
    );
    return answered.every(({ name }) => refused.some((session) => session.name === `to_${name}`));
  });
  right.start();
  const up = await until('the session with BFD', async () => {
    const session = (await bird.sessions()).find(({ name }) => name === 'to_bfd');
    return session?.state === 'established' && session.bfd === 'up' && session;
  });
  assert.equal(causeOf(up), undefined);
  // BFD tells it before TCP does.
  const lost = otherOf(BROKEN.findIndex(({ name }) => name === 'bfd'));
  const rules = `table inet wall { chain in { type filter hook input priority 0;
    ip saddr ${lost} drop; }; }`;
  nodes.one.run('nft -f -', rules);
  await untilSaid(bird);
  bird.close();
});

/** All are looked at each time: what is said of one may be another thing a while later. */
async function untilSaid(bird: Bird): Promise<void> {
  const unsaid = new Map(BROKEN.map((broken) => [`to_${broken.name}`, broken]));
  let last: readonly string[] = [];
  const look = async (): Promise<boolean> => {
    const sessions = (await bird.sessions()).filter(({ name }) => unsaid.has(name));
    last = sessions.map(({ name, state, lastError }) => `${name}: ${state}, ${lastError}`);
    for (const session of sessions) {
      const { facts, says } = unsaid.get(session.name) ?? assert.fail();
      const said = causeText(causeOf(session, facts));
      if (!says.test(said)) continue;
      assert.match(said, /: .+/, 'what to do');
      unsaid.delete(session.name);
    }
    return unsaid.size === 0;
  };
  await until('each has its words', look).catch((error: unknown) =>
    assert.fail(`${String(error)}; of BIRD: ${last.join('; ')}`),
  );
}
