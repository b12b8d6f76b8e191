// The attachments of this node and the addresses that they hold: one file for each, in a directory,
// mirrored in memory. A file is written whole under a temporary name and renamed; nothing is synced
// to the disk, because the pods that it speaks of die with a power loss too, and a file that is
// empty afterwards still reserves its addresses by its name. One bad file harms no other
// attachment.
//
// An attachment is `pending` from before the kernel is touched until its ADD has succeeded, and
// `leaving` from before its link is removed until its addresses are free again.

import type { Attachment } from '../endpoint/attachment.ts';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { hostLinkOf } from '../endpoint/identity.ts';
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import {
  parseAttachment,
  parseFileName,
  renderAttachment,
  renderFileName,
} from './attachment-file.ts';
import { ForeignAddresses } from './foreign-addresses.ts';
import type { AddressChoice, AddressObjection, SubnetUsage } from './ipam.ts';
import { chooseAddresses, objectionTo, usageOf } from './ipam.ts';
import { RestLog } from './rest-log.ts';
import { SpareFiles } from './spare-files.ts';
import type { StoreFiles } from './store-files.ts';
import type { StoredAttachment } from './stored-attachment.ts';

export type StoreOptions = {
  readonly directory: string;
  readonly files: StoreFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** How long an address is free before another pod should have it. */
  readonly addressRestMs?: number;
  /** Addresses of pods of this node that another network has attached. */
  readonly foreignAddresses?: () => ReadonlySet<Ip>;
};

type StoredObjection = {
  readonly objection: AddressObjection;
  readonly holder?: StoredAttachment;
};

/** Longer than name servers' and load balancers' caches of pods usually are. */
export const ADDRESS_REST_MS = 60_000;

const RELEASED_FILE = 'released';

export class AttachmentStore {
  readonly #options: StoreOptions;
  /** By host link. */
  readonly #stored = new Map<string, StoredAttachment>();
  readonly #taken = new Set<Ip>();
  readonly #restLog: RestLog;
  readonly #foreign: ForeignAddresses;
  readonly #spares: SpareFiles;
  #searchFrom: ReadonlyMap<Cidr, bigint> = new Map();

  /** Reads what is there; throws AppError when the directory cannot be read. */
  constructor(options: StoreOptions) {
    this.#options = options;
    const { files, directory, log } = options;
    this.#restLog = new RestLog(options, `${directory}/${RELEASED_FILE}`);
    this.#foreign = new ForeignAddresses(options, this.#restLog);
    this.#spares = new SpareFiles(files, `${directory}.spare`);
    this.#attempt('read attachments', () => {
      files.makeDirectory(directory);
      this.#spares.load();
      for (const name of files.list(directory)) this.#load(name);
    });
    if (this.#stored.size > 0) log.info({ attachments: this.#stored.size }, 'attachments read');
  }

  /** All whose network the kernel should have; not those that are leaving. */
  attachments(): Attachment[] {
    return this.entries().flatMap(({ attachment, isLeaving }) =>
      attachment === undefined || isLeaving ? [] : [attachment],
    );
  }

  entries(): StoredAttachment[] {
    return [...this.#stored.values()];
  }

  isTaken(address: Ip): boolean {
    return this.#taken.has(address);
  }

  find(identity: AttachmentIdentity): StoredAttachment | undefined {
    return this.findByLink(hostLinkOf(identity));
  }

  findByLink(hostLink: string): StoredAttachment | undefined {
    return this.#stored.get(hostLink);
  }

  /** Why an attachment cannot have this address, and which file has it. */
  objectionTo(address: Ip, subnets: readonly Cidr[]): StoredObjection | undefined {
    const objection = objectionTo(address, { ...this.#addresses, subnets });
    if (objection === undefined) return undefined;
    const holder = this.entries().find(({ name }) => name.addresses.includes(address));
    return { objection, ...(holder === undefined ? {} : { holder }) };
  }

  /** What the next attachment would get; reserves nothing. */
  choose(subnets: readonly Cidr[], requested: readonly Ip[] = []): AddressChoice {
    const searchFrom = this.#searchFrom;
    return chooseAddresses({ ...this.#addresses, subnets, requested, searchFrom });
  }

  /** How much of each subnet is in use. */
  usage(subnets: readonly Cidr[]): readonly SubnetUsage[] {
    return usageOf(subnets, this.#addresses);
  }

  get #addresses() {
    const { clock, addressRestMs = ADDRESS_REST_MS } = this.#options;
    const coolingSinceMs = clock.monotonicMs() - addressRestMs;
    const taken = this.#foreign.joined(this.#taken);
    return { taken, rested: this.#restLog.rested, coolingSinceMs };
  }

  /**
   * Chooses addresses and writes the attachment that `make` returns for them, as pending. Throws
   * AppError when it cannot be written; nothing is reserved then. To `requested` there must be no
   * objection.
   */
  reserve(
    subnets: readonly Cidr[],
    make: (addresses: readonly Ip[]) => Attachment,
    requested: readonly Ip[] = [],
  ): Attachment | undefined {
    const isFree = requested.every((ip) => this.objectionTo(ip, subnets) === undefined);
    assert(isFree, `${requested.join()} is not free`);
    const choice = this.choose(subnets, requested);
    if (choice.kind === 'exhausted') return undefined;
    const attachment = make(choice.addresses);
    const { hostLink, addresses } = attachment;
    const name = { hostLink, addresses, isPending: true };
    this.#attempt(`write the attachment of ${attachment.containerId}`, () =>
      this.#write(renderFileName(name), renderAttachment(attachment)),
    );
    this.#searchFrom = choice.searchFrom;
    this.#remember({ name, attachment, isLeaving: false });
    return attachment;
  }

  /** ADD has succeeded. Throws AppError; the attachment is still pending then. */
  complete({ hostLink }: Attachment): void {
    const stored = this.#stored.get(hostLink);
    if (stored === undefined) return;
    const name = { ...stored.name, isPending: false };
    this.#attempt(`complete the attachment ${hostLink}`, () =>
      this.#options.files.rename(
        this.#path(renderFileName(stored.name)),
        this.#path(renderFileName(name)),
      ),
    );
    this.#stored.set(hostLink, { ...stored, name });
  }

  /** The same attachment with other settings. Throws AppError; it stays as it was then. */
  replace(before: Attachment, after: Attachment): void {
    const stored = this.#stored.get(before.hostLink);
    if (stored === undefined || stored.attachment !== before) return;
    this.#attempt(`write the attachment ${before.hostLink}`, () =>
      this.#write(renderFileName(stored.name), renderAttachment(after)),
    );
    this.#stored.set(before.hostLink, { ...stored, attachment: after });
  }

  /** Whether its addresses would still be reserved by another process. */
  isKept({ hostLink }: Attachment): boolean {
    const stored = this.#stored.get(hostLink);
    if (stored === undefined) return false;
    return this.#options.files.exists(this.#path(renderFileName(stored.name)));
  }

  /** From now on the kernel should not have it; its addresses stay reserved. */
  leave(hostLink: string): void {
    const stored = this.#stored.get(hostLink);
    if (stored !== undefined) this.#stored.set(hostLink, { ...stored, isLeaving: true });
  }

  /** Its link is gone: its addresses may be used again. Throws AppError; they stay taken then. */
  release(hostLink: string): void {
    const stored = this.#stored.get(hostLink);
    if (stored === undefined) return;
    const { log } = this.#options;
    try {
      this.#restLog.release(stored.name.addresses);
    } catch (error) {
      log.warn(
        { hostLink, error: describeError(error) },
        'the order of released addresses is lost',
      );
    }
    this.#attempt(`remove the attachment ${hostLink}`, () =>
      this.#spares.keep(this.#path(renderFileName(stored.name))),
    );
    this.#stored.delete(hostLink);
    for (const address of stored.name.addresses) this.#taken.delete(address);
  }

  /** Whether an attachment could be written now. Throws AppError with the reason if not. */
  probe(): void {
    this.#attempt('write attachments', () => {
      this.#options.files.write(this.#path('.probe.tmp'), 'poplin\n');
      this.#options.files.remove(this.#path('.probe.tmp'));
    });
  }

  #load(fileName: string): void {
    const { log } = this.#options;
    const path = this.#path(fileName);
    if (fileName.endsWith('.tmp')) {
      this.#removeLeftover(path);
      return;
    }
    if (fileName === RELEASED_FILE) {
      const problem = this.#restLog.load(this.#readOr(path, ''));
      if (problem !== undefined) log.warn({ path }, `the order of releases is lost: ${problem}`);
      return;
    }
    const name = parseFileName(fileName);
    if (name === undefined) {
      log.warn({ path }, 'not an attachment: left alone');
      return;
    }
    const parsed = parseAttachment(this.#readOr(path, ''), name);
    if (parsed.kind === 'ok') {
      this.#remember({ name, attachment: parsed.attachment, isLeaving: false });
      return;
    }
    const { problem } = parsed;
    log.warn({ path, problem }, 'the attachment cannot be read: its addresses stay reserved');
    this.#remember({ name, problem, isLeaving: false });
  }

  /** Of a write that a crash cut off. On a disk that is read-only now it does no harm. */
  #removeLeftover(path: string): void {
    try {
      this.#options.files.remove(path);
    } catch (error) {
      this.#options.log.warn({ path, error: describeError(error) }, 'a leftover file stays');
    }
  }

  /** A file that cannot be read is no reason to lose the others. */
  #readOr(path: string, otherwise: string): string {
    try {
      return this.#options.files.read(path).toString('utf8');
    } catch (error) {
      this.#options.log.warn({ path, error: describeError(error) }, 'a file cannot be read');
      return otherwise;
    }
  }

  #remember(stored: StoredAttachment): void {
    this.#stored.set(stored.name.hostLink, stored);
    for (const address of stored.name.addresses) this.#taken.add(address);
  }

  #write(fileName: string, text: string): void {
    this.#spares.write(this.#path(fileName), text, this.#path(`.${fileName}.tmp`));
  }

  #path(fileName: string): string {
    return `${this.#options.directory}/${fileName}`;
  }

  #attempt(operation: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      throw new AppError('FILE', operation, `in ${this.#options.directory}`, error);
    }
  }
}
