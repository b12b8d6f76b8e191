// Versions of the CNI specification that are spoken here, and which verb came with which. A version
// counts only when it is in the list: 0.3.0 and everything before 0.3.1 is refused.

export const SUPPORTED_VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];

/** What a configuration without `cniVersion` means (specification, section 1). */
export const VERSION_WHEN_ABSENT = '0.1.0';

/** What errors are written in when the configuration's own version is unknown. */
export const NEWEST_VERSION: CniVersion = '1.1.0';

export const isSupported = (text: string): text is CniVersion =>
  SUPPORTED_VERSIONS.some((version) => version === text);

export const isAtLeast = (version: CniVersion, least: CniVersion): boolean =>
  SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(least);

/** The answer to VERSION. */
export const renderVersions = (cniVersion: string): string =>
  `${JSON.stringify({ cniVersion, supportedVersions: SUPPORTED_VERSIONS })}\n`;
