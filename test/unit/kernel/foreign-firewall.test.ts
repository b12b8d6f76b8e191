// The adapter around the nft program: which command is run, and what its failures become.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CommandResult, RunCommand } from '../../../src/kernel/foreign-firewall.ts';
import { loadForeignText, readRuleset } from '../../../src/kernel/foreign-firewall.ts';

type Call = { readonly command: string; readonly stdin: string | undefined };

function runner(result: Partial<CommandResult> | Error): { run: RunCommand; calls: Call[] } {
  const calls: Call[] = [];
  const run: RunCommand = async (command, { stdin }) => {
    calls.push({ command: command.join(' '), stdin });
    if (result instanceof Error) throw result;
    return { exitCode: 0, stdout: '', stderr: '', ...result };
  };
  return { run, calls };
}

describe('reading and loading the rulesets of others', () => {
  test('lists the ruleset as JSON without the elements of sets', async () => {
    const { run, calls } = runner({ stdout: '{"nftables": []}' });
    assert.deepEqual(await readRuleset(run), { nftables: [] });
    assert.deepEqual(calls, [{ command: 'nft -j -t list ruleset', stdin: undefined }]);
  });

  test('loads text as one transaction, and nothing for no text', async () => {
    const { run, calls } = runner({});
    await loadForeignText(run, '');
    await loadForeignText(run, 'delete rule ip filter FORWARD handle 2\n');
    assert.deepEqual(calls, [
      { command: 'nft -f -', stdin: 'delete rule ip filter FORWARD handle 2\n' },
    ]);
  });

  const failures: readonly [name: string, result: Partial<CommandResult> | Error, text: RegExp][] =
    [
      [
        'nft refuses',
        { exitCode: 1, stderr: 'Error: Operation not permitted\n' },
        /^nft -j -t list ruleset: Error: Operation not permitted$/,
      ],
      ['nft says nothing', { exitCode: 3 }, /^nft -j -t list ruleset: exit 3$/],
      ['nft prints no JSON', { stdout: 'table ip x' }, /^list ruleset: .*not JSON$/],
      ['there is no nft', new Error('ENOENT'), /^nft -j -t list ruleset: .*could not be run$/],
    ];
  for (const [name, result, text] of failures) {
    test(`is an error of code NFT when ${name}`, async () => {
      await assert.rejects(readRuleset(runner(result).run), { code: 'NFT', message: text });
    });
  }
});
