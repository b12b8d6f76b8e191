// The keeper of BIRD with a fake one and a fake clock: what is written when, what is tried, taken
// back and tried again, and what is said meanwhile. With real BIRDs: test/system/bird.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bgpStatus, birdProblems } from '../../../src/agent/bird-status.ts';
import { birdText, hashIn } from '../../../src/agent/bird-text.ts';
import { KEY } from '../../fake/bird-key.ts';
import { Scene } from '../../fake/bird-scene.ts';
import { settle } from '../../fake/clock.ts';

const A = 'neighbor 10.9.0.2\n';
const B = 'neighbor 10.9.0.2 neighbor 10.9.0.3\n';
const BAD = 'neighbor 10.9.0.2 password "hunter2"\n';

describe('the keeper of BIRD', () => {
  test('the first text is what BIRD starts by, and nothing is tried', async () => {
    await using scene = new Scene(A);
    await scene.clock.advance(300);
    assert.equal(scene.files.readGood(), birdText(A, KEY).text);
    const bird = await scene.birdStarts();
    assert.equal(scene.keeper.view.running?.config, birdText(A, KEY).hash);
    assert.deepEqual(bird.asked, []);
    await scene.clock.advance(10_000);
    assert.deepEqual(bird.asked, []);
  });

  test('without a use for a BIRD nothing is written, asked or said', async () => {
    await using scene = new Scene(undefined);
    await scene.clock.advance(30_000);
    assert.equal(scene.files.texts.size, 0);
    assert.equal(bgpStatus(scene.keeper.view, undefined), undefined);
    assert.deepEqual(birdProblems(scene.keeper.view), []);
    assert.equal(scene.keeper.view.isMissing, false);
  });

  test('the last good text stays while another is wanted and no BIRD is there', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    scene.bird = undefined;
    bird.die();
    await scene.want(B);
    await scene.clock.advance(60_000);
    assert.equal(scene.files.readGood(), birdText(A, KEY).text);
    const next = await scene.birdStarts();
    await scene.clock.advance(2_000);
    assert.deepEqual(next.asked, ['check', 'try', 'confirm']);
    assert.equal(scene.files.readGood(), birdText(B, KEY).text);
  });

  test('one that BIRD did not even start by gives way to the next', async () => {
    await using scene = new Scene('nonsense');
    await scene.clock.advance(300);
    scene.files.refused = 'bird.conf:1:1 nonsense';
    await scene.clock.advance(300);
    assert.deepEqual(birdProblems(scene.keeper.view), [
      'BIRD does not run: bird.conf:1:1 nonsense',
    ]);
    await scene.want(A);
    await scene.clock.advance(300);
    assert.equal(scene.files.readGood(), birdText(A, KEY).text);
  });

  test('another text is tried, confirmed, and what BIRD starts by from then on', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    await scene.want(B);
    await scene.clock.advance(300);
    assert.equal(scene.files.readGood(), birdText(A, KEY).text, 'not before it is confirmed');
    assert.equal(scene.keeper.view.running?.config, birdText(A, KEY).hash);
    await scene.clock.advance(2_000);
    assert.deepEqual(bird.asked, ['check', 'try', 'confirm']);
    assert.equal(hashIn(scene.files.readGood() ?? ''), birdText(B, KEY).hash);
    assert.equal(scene.keeper.view.running?.config, birdText(B, KEY).hash);
  });

  test('one that is refused is named in the words of BIRD and not tried again', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    await scene.want('nonsense\n');
    await scene.clock.advance(900_000);
    assert.deepEqual(bird.asked, ['check']);
    const words = 'BIRD refuses its new configuration: candidate.conf:1:1 nonsense';
    assert.deepEqual(scene.keeper.view.problems, [words]);
    assert.deepEqual(birdProblems(scene.keeper.view), [], 'it goes on by what it has');
    assert.equal(scene.files.readGood(), birdText(A, KEY).text);
    await scene.want(A);
    await scene.clock.advance(2_000);
    assert.deepEqual(scene.keeper.view.problems, []);
  });

  test('one that loses every session is taken back, and tried again ever more seldom', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    await scene.want(BAD);
    await scene.clock.advance(25_000);
    assert.deepEqual(bird.asked, ['check', 'try', 'configure']);
    assert.equal(bird.running, birdText(A, KEY).text);
    assert.deepEqual(scene.tried, ['taken-back']);
    assert.equal(scene.files.readGood(), birdText(A, KEY).text);
    await scene.clock.advance(275_000);
    assert.equal(scene.tried.length, 4);
    await scene.clock.advance(3_000_000);
    const before = scene.tried.length;
    await scene.clock.advance(3_000_000);
    assert.ok(scene.tried.length - before <= 13, `${scene.tried.length - before} in 50 minutes`);
    assert.deepEqual([...new Set(scene.tried)], ['taken-back']);
    assert.equal(scene.files.readGood(), birdText(A, KEY).text);
  });

  test('where no session is up any more there is nothing to lose by it', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    await scene.want(BAD);
    await scene.clock.advance(20_500);
    bird.upBy = () => [];
    // Sessions of the text that was put back may only not be up yet: that is no loss to build on.
    await scene.clock.advance(55_000);
    assert.deepEqual([...new Set(scene.tried)], ['taken-back']);
    await scene.clock.advance(120_000);
    assert.equal(scene.tried.at(-1), 'confirmed');
    assert.equal(scene.files.readGood(), birdText(BAD, KEY).text);
  });

  test('one that nobody has confirmed is not taken for good by the next agent', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    // An agent that died in the middle: its text runs, and has lost every session.
    bird.running = birdText(BAD, KEY).text;
    await scene.want(BAD);
    await scene.clock.advance(25_000);
    assert.deepEqual(scene.tried, ['taken-back']);
    assert.equal(bird.running, birdText(A, KEY).text);
  });

  test('a newer text does not wait for the end of a trial', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    bird.upBy = (text) => (text.includes('10.9.0.3') ? [] : ['10.9.0.2']);
    await scene.want(B);
    await scene.clock.advance(1_000);
    assert.equal(bird.running, birdText(B, KEY).text);
    const next = 'neighbor 10.9.0.2 neighbor 10.9.0.4\n';
    await scene.want(next);
    await scene.clock.advance(3_000);
    assert.equal(bird.running, birdText(next, KEY).text);
    assert.deepEqual(scene.tried, ['taken-back', 'confirmed']);
  });

  test('a silent one is not taken back since its sessions take a moment to end', async () => {
    await using scene = new Scene(A);
    scene.mayEndAll = true;
    const bird = await scene.birdStarts();
    bird.ending = ['10.9.0.2'];
    await scene.want('router id 10.9.0.1;\n');
    await scene.want('router id 10.9.0.2;\n');
    await scene.clock.advance(200);
    bird.ending = [];
    await scene.clock.advance(3_000);
    assert.deepEqual(scene.tried, ['confirmed', 'confirmed']);
  });

  test('one without any session is confirmed at once where none is up', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    bird.upBy = () => [];
    await scene.want('router id 10.9.0.1;\n');
    await scene.clock.advance(1_000);
    assert.deepEqual(scene.tried, ['confirmed']);
    assert.deepEqual(birdProblems(scene.keeper.view), []);
  });

  test('one without any session is not given to a BIRD whose sessions are up', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    await scene.want('router id 10.9.0.1;\n');
    await scene.clock.advance(10_000);
    assert.deepEqual(bird.asked, ['check']);
    assert.deepEqual(scene.tried, ['withheld']);
    const words = 'BIRD is not given its new configuration: it has no session, and 1 would end';
    assert.deepEqual(scene.keeper.view.problems, [words]);
    assert.equal(bird.running, birdText(A, KEY).text);
  });

  test('a full disk leaves BIRD as it is, and says so', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    scene.files.isFull = true;
    await scene.want(B);
    await scene.clock.advance(5_000);
    assert.deepEqual(bird.asked, []);
    assert.match(scene.keeper.view.problems.join(), /no space left on device/);
    scene.files.isFull = false;
    await scene.clock.advance(5_000);
    assert.deepEqual(scene.tried, ['confirmed']);
    assert.deepEqual(scene.keeper.view.problems, []);
  });

  test('one that starts with the agent is not missing, one that ends is at once', async () => {
    await using scene = new Scene(A);
    await scene.clock.advance(3_000);
    assert.equal(scene.keeper.view.isMissing, false);
    await scene.clock.advance(3_000);
    assert.equal(scene.keeper.view.isMissing, true);
    const bird = await scene.birdStarts();
    assert.equal(scene.keeper.view.isMissing, false);
    scene.bird = undefined;
    bird.die();
    await settle();
    assert.equal(scene.keeper.view.isMissing, true);
    assert.match(birdProblems(scene.keeper.view).join(), /does not run: BIRD has closed/);
  });

  test('a peer that does not answer keeps the node from being ready for a while', async () => {
    await using scene = new Scene(B);
    const bird = await scene.birdStarts();
    assert.deepEqual(birdProblems(scene.keeper.view), ['no BGP session with 10.9.0.3 yet']);
    await scene.clock.advance(35_000);
    assert.deepEqual(birdProblems(scene.keeper.view), []);
    // The other one was up: that it is away now is a matter of that peer, and of `status`.
    bird.upBy = () => [];
    await scene.clock.advance(5_000);
    assert.deepEqual(birdProblems(scene.keeper.view), []);
  });

  test('after the end of a BIRD the next one is ready when its own sessions are up', async () => {
    await using scene = new Scene(A);
    const bird = await scene.birdStarts();
    assert.deepEqual(birdProblems(scene.keeper.view), []);
    scene.bird = undefined;
    bird.die();
    const next = await scene.birdStarts({ upBy: () => [], isRecovering: true });
    await scene.clock.advance(2_000);
    const recovering = 'BIRD has restarted and waits for its neighbours';
    assert.deepEqual(birdProblems(scene.keeper.view), [recovering]);
    next.isRecovering = false;
    await scene.clock.advance(2_000);
    assert.deepEqual(birdProblems(scene.keeper.view), ['no BGP session with 10.9.0.2 yet']);
    next.upBy = () => ['10.9.0.2'];
    await scene.clock.advance(2_000);
    assert.deepEqual(birdProblems(scene.keeper.view), []);
  });
});
