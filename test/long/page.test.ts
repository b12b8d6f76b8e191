// The web page in a real browser, of a lab that runs: it shows the nodes and the matrix, is updated
// when a node dies, is used by the keyboard alone, has names for those who hear it, and can be read
// in both colour schemes. Nothing is loaded from elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPageRelay, urlOf } from '../../src/lab/page-relay.ts';
import type { TestLab } from '../lab/lab.ts';
import { withLab } from '../lab/lab.ts';
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
