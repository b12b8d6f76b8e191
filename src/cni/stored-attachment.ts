// What the store has of one attachment: also of one whose file cannot be understood.

import type { Attachment } from '../endpoint/attachment.ts';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { keyOfAttachment } from '../endpoint/identity.ts';
import type { AttachmentFileName } from './attachment-file.ts';

export type StoredAttachment = {
  readonly name: AttachmentFileName;
  /** Absent when the file's content cannot be understood: only the name is known. */
  readonly attachment?: Attachment;
  /** Why it cannot. */
  readonly problem?: string;
  readonly isLeaving: boolean;
};

/** Whether it is this very attachment, not another whose hash begins with the same digits. */
export const isOf = (stored: StoredAttachment, identity: AttachmentIdentity): boolean =>
  stored.attachment === undefined ||
  keyOfAttachment(stored.attachment) === keyOfAttachment(identity);
