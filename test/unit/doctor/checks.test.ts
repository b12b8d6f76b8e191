// Each check of the doctor by the facts that it judges: what makes it speak, that no other speaks
// with it, and what comes near without being wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.ts';
import { CHECK_NAMES } from '../../../src/doctor/names.ts';
import { factsWith, kernelWith, otherLink, rulesOf, statusWith } from '../../fake/doctor.ts';
import { CASES } from './check-cases.ts';

const VERSION = '0.1.0';

describe('checks', () => {
  test('of a healthy node nothing is found, and nothing is left out', () => {
    const { findings, skipped, healthy } = diagnose(factsWith(), VERSION);
    assert.deepEqual({ findings, skipped, healthy }, { findings: [], skipped: [], healthy: true });
  });

  for (const [title, check, change, says] of CASES) {
    test(`${title} is found by ${check} alone`, () => {
      const { findings, healthy } = diagnose(factsWith(change), VERSION);
      assert.deepEqual(
        findings.map((finding) => finding.check),
        [check],
      );
      assert.match(findings[0]?.what ?? '', says);
      assert.ok(findings.every(({ why, do: remedy }) => why !== '' && remedy !== ''));
      assert.equal(healthy, false);
    });
  }

  test('what pods of Flannel need is no leftover while they are there', () => {
    const remains = (flannel: { bridge?: string }): readonly string[] => {
      const facts = factsWith({
        ...kernelWith({ links: [otherLink('cni0', 'bridge')] }),
        ...rulesOf([{ table: 'ip nat', name: 'FLANNEL-POSTRTG' }]),
        ...statusWith({ flannel: { devices: [], pods: 1, ...flannel } }),
      });
      return diagnose(facts, VERSION).findings.map(({ what }) => what);
    };
    assert.deepEqual(remains({ bridge: 'cni0' }), []);
    assert.equal(remains({}).length, 2);
  });

  test('a full network has advice of its own', () => {
    const problems = ['no free subnet: all 1 of /24 from 10.244.1.0 to 10.244.1.0 are taken'];
    const { findings } = diagnose(factsWith(statusWith({ ready: false, problems })), VERSION);
    assert.match(findings[0]?.do ?? '', /delete the Nodes .* SubnetMax/);
  });

  test('every check has a case', () => {
    const asked = new Set(CASES.map(([, check]) => check));
    assert.deepEqual(
      CHECK_NAMES.filter((name) => !asked.has(name)),
      [],
    );
  });
});
