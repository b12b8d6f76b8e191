// The web page in a real browser, of a lab that runs: it shows the nodes and the matrix, is updated
// when a node dies, is used by the keyboard alone, has names for those who hear it, and can be read
// in both colour schemes. Nothing is loaded from elsewhere. And what it says while things are
// broken: no lease, a bad configuration, no API, an agent that is away.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPageRelay, urlOf } from '../../src/lab/page-relay.ts';
import { sendSignal } from '../../src/lab/processes.ts';
import type { TestLab } from '../lab/lab.ts';
import { until, withLab } from '../lab/lab.ts';
import { Browser } from './browser.ts';

type AxNode = {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
};

const CELL = (from: string, to: string): string =>
  `[...document.querySelectorAll('#matrix td')].find(({ ariaLabel }) => ` +
  `ariaLabel?.startsWith('${from} to ${to}:'))`;

/** Every text on the page with the contrast of its ink and ground (WCAG 2, 1.4.3). */
const CONTRASTS = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      const [, , , alpha = 1] = channels(backgroundColor);
      if (alpha === 1) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.matches('script, noscript, .skip')) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(ink), light(groundOf(element))].sort((x, y) => y - x);
    const text = element.textContent.trim().slice(0, 20);
    found.push({ text, contrast: (a + 0.05) / (b + 0.05) });
  }
  return found;
})()`;

async function assertReadable(browser: Browser, scheme: 'light' | 'dark'): Promise<void> {
  await browser.colourScheme(scheme);
  const found = await browser.evaluate<{ text: string; contrast: number }[]>(CONTRASTS);
  assert.ok(found.length > 30, `${found.length} texts`);
  assert.deepEqual(
    found.filter(({ contrast }) => !(contrast >= 4.5)),
    [],
    scheme,
  );
}

const FOCUSED = `(() => {
  const { tagName, id, role, ariaLabel, textContent } = document.activeElement;
  return id || (tagName === 'TD' ? ariaLabel : tagName === 'A' ? textContent : tagName);
})()`;

/** One stop for the whole matrix; arrow keys within. */
async function assertUsedByKeyboard(browser: Browser): Promise<void> {
  const stops: string[] = [];
  for (let count = 0; count < 12 && stops.at(-1) !== 'from'; count += 1) {
    await browser.press('Tab');
    stops.push(await browser.evaluate<string>(FOCUSED));
  }
  const [first, ...rest] = stops;
  assert.equal(first, 'Go to the matrix');
  const cells = rest.filter((stop) => / to node|itself/.test(stop));
  assert.equal(cells.length, 1, stops.join());
  assert.match(cells[0] ?? '', /^node1 to node2: ipv4 by vxlan: /);
  assert.equal(rest.at(-1), 'from');
  await browser.evaluate(`${CELL('node1', 'node2')}.focus()`);
  await browser.press('ArrowDown');
  await browser.press('ArrowRight');
  assert.match(await browser.evaluate<string>(FOCUSED), /^node2 to node3: /);
  await browser.press('Enter');
  assert.equal(await browser.evaluate(`document.getElementById('from').value`), 'node2');
  const paths = await browser.evaluate<string>(
    `document.querySelector('#paths tbody').textContent`,
  );
  assert.match(paths, /^node3ipv4vxlananswers/);
  assert.match(
    await browser.evaluate<string>(`document.getElementById('matrix-note').textContent`),
    /^node2 to node3: ipv4 by vxlan: /,
  );
}

/** What can be reached or read has a role and a name. */
async function assertNamed(browser: Browser): Promise<void> {
  const { nodes } = (await browser.send('Accessibility.getFullAXTree')) as {
    readonly nodes: readonly AxNode[];
  };
  const seen = nodes.filter(({ ignored }) => !ignored);
  const of = (role: string): string[] =>
    seen.filter((node) => node.role?.value === role).map(({ name }) => name?.value ?? '');
  for (const role of ['grid', 'combobox', 'link', 'columnheader', 'rowheader', 'gridcell']) {
    assert.ok(of(role).length > 0, `there is no ${role}`);
    assert.ok(!of(role).includes(''), `a ${role} has no name: ${of(role).join('|')}`);
  }
  assert.deepEqual(of('grid'), ['From node to node']);
  assert.deepEqual(of('combobox'), ['Of node']);
  const [picture = ''] = [...of('image'), ...of('img')];
  assert.match(picture, /^Picture of 3 nodes: node1 ready, node2 ready, node3 ready$/);
  assert.ok(of('gridcell').some((name) => /^node1 to node3: ipv4 by vxlan: /.test(name)));
  assert.deepEqual(of('heading').slice(0, 3), ['Poplin', 'The cluster', 'Nodes']);
}

async function assertUpdated(lab: TestLab, browser: Browser): Promise<void> {
  await browser.evaluate(`${CELL('node1', 'node2')}.focus()`);
  lab.runIn(lab.netns('node3'), ['ip', 'link', 'set', 'eth0', 'down']);
  await browser.until('the cell is silent', `${CELL('node1', 'node3')}?.textContent === 'silent'`);
  await browser.until(
    'the picture says it',
    `/node3 (does not answer|silent)/.test(document.getElementById('picture').ariaLabel)`,
  );
  assert.match(
    await browser.evaluate<string>(`document.getElementById('summary').textContent`),
    /^2 of 3 nodes are ready, 1 (does not answer|silent)$/,
  );
  assert.match(await browser.evaluate<string>(FOCUSED), /^node1 to node2/, 'the focus stays');
  await browser.until(
    'the event',
    `/PathSilent/.test(document.getElementById('events').textContent)`,
  );
}

test('the page shows a lab, live, to everybody', async () => {
  await withLab({ nodeCount: 3, podsPerNode: 1 }, async (lab) => {
    const server = await startPageRelay(lab.directory.node('node1'), 0);
    try {
      await using browser = await Browser.open(urlOf(server));
      await browser.until(
        'all rows are there',
        `document.querySelectorAll('#nodes tbody tr').length === 3 && ` +
          `[...document.querySelectorAll('#matrix td[role=gridcell]')].length === 9 && ` +
          `!/\\?|untried/.test(document.querySelector('#matrix').textContent)`,
      );
      assert.match(
        await browser.evaluate<string>(`document.querySelector('#nodes tbody').textContent`),
        /node1ready1vxlan10\.244\./,
      );
      await assertNamed(browser);
      await assertUsedByKeyboard(browser);
      await assertReadable(browser, 'light');
      await assertReadable(browser, 'dark');
      await assertUpdated(lab, browser);
      await assertReadable(browser, 'dark');
      assert.deepEqual(browser.complaints, []);
    } finally {
      server.close();
    }
  });
});

/** A node's word holds for a minute, and is given half of one more. */
const SAYS_TIMEOUT_MS = 240_000;
const SUMMARY = `document.getElementById('summary')?.textContent`;
const says = (browser: Browser, what: RegExp): Promise<unknown> =>
  browser.until(`the page says ${what}`, `${what}.test(${SUMMARY})`, SAYS_TIMEOUT_MS);

/** The one that got no subnet, for there are two for three. */
const untilOneWaits = async (lab: TestLab): Promise<string> => {
  const names = lab.plan.nodes.map(({ name }) => name);
  return until('one node waits, the others are ready', async () => {
    const statuses = await Promise.all(
      names.map((name) => lab.status(name).catch(() => undefined)),
    );
    const isDone = statuses.filter((status) => status?.ready).length === names.length - 1;
    const waiting = statuses.find((status) => /no (free )?subnet/.test(status?.lease.reason ?? ''));
    return isDone && waiting?.node;
  });
};

test('the page is right while things are broken', { timeout: 900_000 }, async (t) => {
  const full = { SubnetMin: '10.244.1.0', SubnetMax: '10.244.2.0' };
  const options = { nodeCount: 3, subnetSource: 'lease', netConf: full, settles: false } as const;
  await withLab(options, async (lab) => {
    const waiting = await untilOneWaits(lab);
    const [own = '', other = ''] = ['node1', 'node2', 'node3'].filter((name) => name !== waiting);
    const server = await startPageRelay(lab.directory.node(own), 0);
    try {
      await using browser = await Browser.open(urlOf(server));
      const nodes = `document.querySelector('#nodes tbody')?.textContent`;
      await t.test('no lease', async () => {
        await says(browser, /^2 of 3 nodes are ready, 1 not ready$/);
        const row = new RegExp(`${waiting}not ready.*no (free )?subnet`);
        await browser.until('the reason', `${row}.test(${nodes})`);
      });

      await t.test('a bad configuration', async () => {
        await lab.datastore.putNetConf('{"Network": "10.244.0.0/33"}');
        await browser.until('who has refused it', `/newer INVALID/.test(${nodes})`);
        const events = `document.getElementById('events').textContent`;
        await browser.until('the event', `/ConfigInvalid.*Network/.test(${events})`);
        const good = { Network: '10.244.0.0/16', SubnetSource: 'lease' };
        await lab.datastore.putNetConf(JSON.stringify({ ...good, Backend: { Type: 'vxlan' } }));
        await says(browser, /^3 of 3 nodes are ready$/);
        assert.doesNotMatch(await browser.evaluate<string>(nodes), /INVALID/);
      });

      await t.test('no API', async () => {
        const api = lab.directory.process('api') ?? assert.fail();
        sendSignal(api, 'SIGKILL');
        await says(browser, /Others may not be heard: /);
        // Their last word has ended, which is no fault of theirs; what is measured here is of now.
        await says(browser, /^1 of 3 nodes are ready, 2 unknown\. Others may not be heard: /);
        const cell = await browser.evaluate<string>(`${CELL(own, other)}.textContent`);
        assert.match(cell, /^\d+(\.\d+)? ms$/);
        assert.equal(await browser.evaluate(`${CELL(other, own)}.textContent`), '?');
        await lab.restartApi();
        await says(browser, /^3 of 3 nodes are ready$/);
      });

      await t.test('an agent that is away, and starts', async () => {
        await lab.endAgent(own, 'SIGKILL');
        await says(browser, /^The agent does not answer; last heard \d+ s ago$/);
        lab.startAgent(own);
        await says(browser, /^3 of 3 nodes are ready$/);
      });
      // That the agent was away is a complaint of the browser as well.
      assert.deepEqual(
        browser.complaints.filter((text) => !text.includes('"source":"network"')),
        [],
      );
    } finally {
      server.close();
    }
  });
});
