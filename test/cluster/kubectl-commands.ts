// What people type: kubectl must say the same of the embedded API as of a real one. In this order,
// since later commands build on earlier ones. To compare one more, add a line.

const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: typed\ndata:\n  a: "${value}"\n`;

const node = (taints: string): string =>
  `apiVersion: v1\nkind: Node\nmetadata:\n  name: typed\n  labels: {zone: x}\nspec:\n  taints: ${taints}\n`;

const policy = (port: number): string =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: typed\n` +
  `spec:\n  podSelector: {matchLabels: {app: x}}\n  ingress:\n  - ports: [{port: ${port}}]\n`;

const CONTENT = 'jsonpath={.metadata.annotations}{"\\n"}{.metadata.labels}{"\\n"}{.data}';

/** The words after `kubectl`, and what it reads. */
export type KubectlCommand = readonly [words: string, input?: string];

export const KUBECTL_COMMANDS: readonly KubectlCommand[] = [
  ['create namespace typed'],
  ['apply -f -', configMap('1')],
  ['apply -f -', configMap('1')],
  ['apply --dry-run=server -f -', configMap('2')],
  ['apply --dry-run=client -f -', configMap('2')],
  ['diff -f -', configMap('2')],
  ['apply -f -', configMap('2')],
  [`-n typed get cm c -o ${CONTENT}`],
  ['-n typed apply view-last-applied cm c'],
  ['-n typed edit cm c'],
  [`-n typed get cm c -o ${CONTENT}`],
  ['-n typed patch cm c --type=json -p [{"op":"add","path":"/data/j","value":"1"}]'],
  ['-n typed patch cm c --type=json -p [{"op":"test","path":"/data/j","value":"2"}]'],
  ['-n typed patch cm c --type=merge -p {"data":{"m":"1"}}'],
  ['-n typed patch cm c -p {"data":{"s":"1","m":null}}'],
  ['-n typed patch cm c -p {"data":{"s":"1"}}'],
  ['-n typed patch cm c --dry-run=server -p {"data":{"s":"2"}}'],
  ['-n typed annotate cm c poplin.dev/x=1'],
  ['-n typed annotate cm c poplin.dev/x=2'],
  ['-n typed annotate cm c poplin.dev/x=2 --overwrite'],
  ['-n typed annotate cm c poplin.dev/x-'],
  ['-n typed label cm c app=x'],
  ['-n typed label cm c app=not/a/value --overwrite'],
  [`-n typed get cm c -o ${CONTENT}`],
  ['-n typed describe cm c'],
  ['replace -f -', configMap('3')],
  [`-n typed get cm c -o ${CONTENT}`],
  ['-n typed create configmap d --from-literal=a=b'],
  ['-n typed create configmap d --from-literal=a=b'],
  ['-n typed create secret generic s --from-literal=a=b'],
  ['-n typed get secret s -o jsonpath={.data}{.type}'],
  ['-n typed get cm c d -o name'],
  ['-n typed get cm none'],
  ['-n typed get nothing'],
  ['-n typed delete cm d --dry-run=server'],
  ['-n typed delete cm d'],
  ['-n typed delete cm d'],
  ['-n typed delete cm d --ignore-not-found'],
  ['create -f -', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_B, namespace: typed}\n'],
  ['apply -f -', policy(80)],
  ['apply -f -', policy(81)],
  ['-n typed get networkpolicies'],
  ['-n typed get netpol p -o jsonpath={.spec}'],
  ['-n typed describe netpol p'],
  ['-n typed delete netpol p'],
  ['apply -f -', node('[{key: a, effect: NoSchedule}]')],
  ['apply -f -', node('[{key: a, effect: NoSchedule}, {key: b, effect: NoExecute}]')],
  ['get node typed -o jsonpath={.spec}'],
  ['apply -f -', node('[{key: b, effect: NoExecute}]')],
  ['get node typed -o jsonpath={.spec}'],
  ['taint node typed c=d:NoSchedule'],
  ['taint node typed b:NoExecute-'],
  ['cordon typed'],
  ['get node typed'],
  ['get nodes -l zone=x'],
  ['get nodes -l zone=y'],
  ['get nodes --field-selector metadata.name=typed -o name'],
  ['get nodes --field-selector spec.nothing=typed -o name'],
  ['uncordon typed'],
  ['patch node typed -p {"metadata":{"finalizers":["poplin.dev/x"]}}'],
  ['delete node typed --wait=false'],
  ['get node typed -o jsonpath={.metadata.finalizers}'],
  ['patch node typed --type=json -p [{"op":"remove","path":"/metadata/finalizers"}]'],
  ['get node typed'],
  ['delete namespace typed'],
  ['get namespace typed'],
];
