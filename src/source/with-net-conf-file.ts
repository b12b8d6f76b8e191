// A datastore whose configuration is in a file on the node: nodes, subnets and adverts are the
// datastore's, and what it says of the configuration is not heard.

import type { ClusterEvent } from '../cluster/cluster.ts';
import type { Holding, SubnetWish } from '../cluster/holding.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { NetConfFile } from './net-conf-file.ts';
import type {
  OperatorEvent,
  Publication,
  PublishedSummary,
  Source,
  SourceHealth,
} from './source.ts';

type Listener = (event: ClusterEvent) => void;

export class SourceWithFile implements Source {
  readonly #source: Source;
  readonly #file: Pick<NetConfFile, 'run' | 'problem'>;

  constructor(source: Source, file: Pick<NetConfFile, 'run' | 'problem'>) {
    this.#source = source;
    this.#file = file;
  }

  get ownNode(): ClusterNode | undefined {
    return this.#source.ownNode;
  }

  async run(listener: Listener, stop: AbortSignal): Promise<void> {
    const ofCluster: Listener = (event) => {
      if (event.kind !== 'config-put' && event.kind !== 'config-gone') listener(event);
    };
    await Promise.all([this.#source.run(ofCluster, stop), this.#file.run(listener, stop)]);
  }

  hold(wish: SubnetWish, listener: (holding: Holding) => void, stop: AbortSignal): Promise<void> {
    return this.#source.hold(wish, listener, stop);
  }

  publish(publication: Publication, stop: AbortSignal): Promise<boolean> {
    return this.#source.publish(publication, stop);
  }

  publishSummary(summary: PublishedSummary, stop: AbortSignal): Promise<void> {
    return this.#source.publishSummary(summary, stop);
  }

  get summaries(): ReadonlyMap<string, string> | undefined {
    return this.#source.summaries;
  }

  setNetworkAvailable(stop: AbortSignal): Promise<void> {
    return this.#source.setNetworkAvailable(stop);
  }

  tell(event: OperatorEvent): Promise<void> {
    return this.#source.tell(event);
  }

  health(): SourceHealth {
    const health = this.#source.health();
    const problem = health.problem ?? this.#file.problem;
    return problem === undefined ? health : { ...health, problem };
  }
}
