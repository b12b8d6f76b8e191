// Probes in the simulation: they walk through the kernels as every packet does, there and back.

import type { Echo, EchoRequest } from '../../src/kernel/echo.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Fabric } from './fabric.ts';
import type { SimMachine } from './machine.ts';

const ROUND_TRIP_MS = 1;

export class SimEcho implements Echo {
  readonly #machine: SimMachine;
  readonly #fabric: Fabric;
  readonly #clock: Clock;
  #answered: (from: Ip, sequence: number) => void = () => undefined;

  constructor(machine: SimMachine, fabric: Fabric, clock: Clock) {
    this.#machine = machine;
    this.#fabric = fabric;
    this.#clock = clock;
  }

  send({ sequence, ...request }: EchoRequest): string | undefined {
    const { destination } = request;
    if (!this.#fabric.answersProbe(this.#machine, request)) return undefined;
    void this.#clock.sleep(ROUND_TRIP_MS).then(() => this.#answered(destination, sequence));
    return undefined;
  }

  listen(answered: (from: Ip, sequence: number) => void): void {
    this.#answered = answered;
  }

  close(): void {
    this.#answered = () => undefined;
  }
}
