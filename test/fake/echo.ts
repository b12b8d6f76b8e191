// Echo for tests: peers answer soon, but for those whose answers a test wants to miss.

import type { PathVerdict } from '../../src/desired/paths.ts';
import type { Echo, EchoRequest } from '../../src/kernel/echo.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Ip } from '../../src/net/ip.ts';

export class FakeEcho implements Echo {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly sent: EchoRequest[] = [];
  /** Whether a request is answered. */
  answers: (request: EchoRequest) => boolean = () => true;
  #answered: (from: Ip, sequence: number) => void = () => undefined;

  constructor(clock: Clock, delayMs = 1) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  send(request: EchoRequest): string | undefined {
    this.sent.push(request);
    if (!this.answers(request)) return undefined;
    void this.#clock.sleep(this.#delayMs).then(() => {
      this.#answered(request.destination, request.sequence);
    });
    return undefined;
  }

  /** An answer that a test makes up. */
  answer(from: Ip, sequence = 0): void {
    this.#answered(from, sequence);
  }

  listen(answered: (from: Ip, sequence: number) => void): void {
    this.#answered = answered;
  }

  close(): void {
    this.#answered = () => undefined;
  }
}

class EverythingAnswers extends Map<string, PathVerdict> {
  override get(): PathVerdict {
    return 'answers';
  }
}

/** For tests of what comes after the probes. */
export const EVERYTHING_ANSWERS: ReadonlyMap<string, PathVerdict> = new EverythingAnswers();
