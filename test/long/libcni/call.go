// One operation of the CNI reference library, as runtimes use it, on the network of a directory.
// Prints the result of ADD. Errors go to stderr, with the code that the plugin gave; exit status 1.
// Usage: call VERB CONF_DIR BIN_DIR CACHE_DIR [CONTAINER_ID NETNS]; of GC, the container IDs that
// are valid.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

const interfaceName = "eth0"

func call(verb, confDir, binDir, cacheDir string, rest []string) error {
	list, err := libcni.LoadNetworkConf(confDir, "poplin")
	if err != nil {
		return err
	}
	cni := libcni.NewCNIConfigWithCacheDir([]string{binDir}, cacheDir, nil)
	ctx := context.Background()
	switch verb {
	case "STATUS":
		return cni.GetStatusNetworkList(ctx, list)
	case "GC":
		args := libcni.GCArgs{}
		for _, id := range rest {
			valid := types.GCAttachment{ContainerID: id, IfName: interfaceName}
			args.ValidAttachments = append(args.ValidAttachments, valid)
		}
		return cni.GCNetworkList(ctx, list, &args)
	}
	runtime := libcni.RuntimeConf{ContainerID: rest[0], NetNS: rest[1], IfName: interfaceName}
	switch verb {
	case "ADD":
		result, err := cni.AddNetworkList(ctx, list, &runtime)
		if err != nil {
			return err
		}
		return result.Print()
	case "CHECK":
		return cni.CheckNetworkList(ctx, list, &runtime)
	case "DEL":
		return cni.DelNetworkList(ctx, list, &runtime)
	}
	return fmt.Errorf("no verb %q", verb)
}

func main() {
	err := call(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
	if err == nil {
		return
	}
	var said *types.Error
	if errors.As(err, &said) {
		fmt.Fprintf(os.Stderr, "code %d: ", said.Code)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
