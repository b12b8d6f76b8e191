// A speaker for BIRD whose BIRD, passwords and clock are a test's.

import type { BirdView } from '../../src/agent/bird-keeper.ts';
import { BirdPasswords } from '../../src/agent/bird-passwords.ts';
import { BirdSpeaker } from '../../src/agent/bird-speaker.ts';
import { passwordId } from '../../src/bgp/passwords.ts';
import { silentLog } from '../../src/lib/log.ts';
import { FakeClock } from './clock.ts';

export class Station {
  readonly clock = new FakeClock();
  hints = 0;
  good: string | undefined;
  running: BirdView['running'];
  sessions: BirdView['sessions'] = [];
  readonly files = new Map<string, string>();
  readonly speaker = new BirdSpeaker({
    nodeName: 'node-1',
    view: () => ({ running: this.running, sessions: this.sessions }),
    tracks: () => new Map(),
    log: silentLog,
    readGood: () => this.good,
    passwords: new BirdPasswords((names) => {
      const wanted = names.map(passwordId);
      return new Map([...this.files].filter(([id]) => wanted.includes(id)));
    }),
    hint: () => {
      this.hints += 1;
    },
    clock: this.clock,
  });

  answer(config: string | undefined): void {
    const rest = { version: '2.0.12', upSeconds: 1, isRecovering: false, routes: 0 };
    this.running = { ...rest, config };
  }
}
