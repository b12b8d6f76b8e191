// Where the embedded API answers otherwise than kube-apiserver 1.20, by the title of the request,
// and why. What it answers there is in test/golden/api/differences.txt.

export const DIFFERENCES: Readonly<Record<string, string>> = {
  'watch: a bookmark before the end':
    'it tells the newest revision whenever it ends a watch by itself, as servers from 1.21 on do:' +
    ' a client then resumes where it was, also after a short watch',
  'replace: another podCIDR':
    'the real server finds the same fault twice, the second time in a field that is called []',
  'JSON patch: replaces what is not there':
    'RFC 6902 and servers from 1.21 on refuse it; the library that 1.20 has adds it',
  'apply: server-side':
    'there are no field managers: it answers as a server of which the feature is off',
};
