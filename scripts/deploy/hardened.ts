// What all containers have in common: root, since Kubernetes gives capabilities to no other user,
// but with none beyond those that are listed, no way to more, and nothing writable but what is
// mounted.

export const hardened = () => ({
  runAsUser: 0,
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  // On hosts with SELinux a container has no access to the host's files by another type.
  seLinuxOptions: { type: 'spc_t' },
});
