/*
 * The CNI executable: a small static program that the container runtime starts for every call. It
 * forwards the CNI_* environment, stdin and the descriptor of CNI_NETNS to the agent's socket and
 * prints exactly what comes back. It knows no policy, no addresses and no JSON: all of that is in
 * the agent (src/cni), so that an agent can be upgraded without touching this file on the host.
 *
 * Alone it answers VERSION. While the agent is away, ADD waits a bounded time; DEL sets the link in
 * the pod down, leaves a tombstone that the agent replays (src/cni/tombstones.ts) and succeeds, as
 * an error would keep the pod in Terminating; STATUS, CHECK and GC fail at once.
 *
 * Frame, all integers in network byte order (src/cni/frame.ts is the other end):
 *   request  "PPLN" u8 version=1 u8 flags u32 environment-length u32 stdin-length environment stdin
 *   reply    u8 version u8 exit-code u32 length stdout
 * Flag 0x01: the descriptor of CNI_NETNS comes with the first byte. Flag 0x02: an earlier try of
 * this same call broke off, when the agent went away in the middle of it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAME_VERSION = 1,
	FRAME_HEADER_BYTES = 14,
	REPLY_HEADER_BYTES = 6,
	FLAG_NETNS = 0x01,
	FLAG_REPEATED = 0x02,
	STDIN_MAX_BYTES = 1 << 20,
	ENVIRONMENT_MAX_BYTES = 1 << 17,
	REPLY_MAX_BYTES = 1 << 20,
	TOMBSTONES_MAX = 4096,
	POLL_MS = 50,
	/* Runtimes write the configuration at once; one that keeps the pipe open must not hold us. */
	STDIN_MS = 10000,
	ADD_WAIT_MS = 30000,
	WAIT_MAX_MS = 120000,
	REPLY_MS = 60000,
	STDOUT_MS = 10000,
	/* A runtime kills a DEL after a minute: the tombstone must be written well before. */
	DEL_REPLY_MS = 20000,
	/* containerd asks for STATUS inside each CRI Status call, without a time limit of its own. */
	STATUS_REPLY_MS = 1000,
};

/* Error codes of the CNI specification, section 5. */
enum {
	CNI_INCOMPATIBLE_VERSION = 1,
	CNI_ENVIRONMENT = 4,
	CNI_IO = 5,
	CNI_DECODE = 6,
	CNI_TRY_AGAIN_LATER = 11,
	CNI_NOT_AVAILABLE = 50,
};

static const char ABOUT[] =
	"poplin: CNI plugin of the Poplin pod network; forwards calls to the agent of this node\n"
	"CNI protocol versions supported: 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";
static const char VERSION_REPLY[] =
	"{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n";

/* Pages that are not touched cost no memory. */
static unsigned char frame[FRAME_HEADER_BYTES + ENVIRONMENT_MAX_BYTES + STDIN_MAX_BYTES + 1];
static size_t frame_bytes;
static unsigned char reply[REPLY_HEADER_BYTES + REPLY_MAX_BYTES];

static char paths_text[8192];
static const char *socket_path = "/run/poplin/cni.sock";
static const char *tombstone_directory = "/var/lib/poplin/tombstones";
static int add_wait_ms = ADD_WAIT_MS;

extern char **environ;

enum outcome { ANSWERED, AWAY, LOST };

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd item = { .fd = fd, .events = events };
		int64_t rest = deadline - now_ms();
		int ready = poll(&item, 1, rest > 0 ? (int)rest : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			errno = ETIMEDOUT;
		return ready > 0;
	}
}

/* The descriptor may be a pipe of the runtime's that does not block. */
static bool write_all(int fd, const void *data, size_t length)
{
	const char *rest = data;
	int64_t deadline = now_ms() + STDOUT_MS;
	while (length > 0) {
		ssize_t written = write(fd, rest, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN && wait_for(fd, POLLOUT, deadline))
			continue;
		if (written <= 0)
			return false;
		rest += written;
		length -= (size_t)written;
	}
	return true;
}

/* One JSON string; bytes that are not printable ASCII become '?', which is enough for paths. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text >= 0x20 && *text < 0x7f ? *text : '?');
	}
	putchar('"');
}

/* CNI errors go to stdout: libcni quotes stderr only when stdout is empty. */
static int fail(int code, const char *message, const char *details)
{
	printf("{\"cniVersion\":\"1.1.0\",\"code\":%d,\"msg\":", code);
	print_string(message);
	fputs(",\"details\":", stdout);
	print_string(details);
	fputs("}\n", stdout);
	fflush(stdout);
	return 1;
}

static int fail_errno(int code, const char *message, const char *what)
{
	char details[PATH_MAX + 256];
	snprintf(details, sizeof(details), "%s: %s", what, strerror(errno));
	return fail(code, message, details);
}

static void put_u32(unsigned char *at, size_t value)
{
	at[0] = (unsigned char)(value >> 24);
	at[1] = (unsigned char)(value >> 16);
	at[2] = (unsigned char)(value >> 8);
	at[3] = (unsigned char)value;
}

static size_t get_u32(const unsigned char *at)
{
	return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* `poplin.paths` beside the executable: socket, tombstone directory, how long ADD waits in ms. */
static void read_paths(void)
{
	char path[PATH_MAX + sizeof("/poplin.paths")];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (length <= 0)
		return;
	path[length] = '\0';
	strcpy(strrchr(path, '/'), "/poplin.paths");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	length = read(fd, paths_text, sizeof(paths_text) - 1);
	close(fd);
	if (length <= 0)
		return;
	char *rest = paths_text;
	long wait_ms = ADD_WAIT_MS;
	for (int line = 0; line < 3 && rest != NULL; line++) {
		char *text = strsep(&rest, "\n");
		if (*text == '\0')
			continue;
		if (line == 0)
			socket_path = text;
		else if (line == 1)
			tombstone_directory = text;
		else
			wait_ms = strtol(text, NULL, 10);
	}
	add_wait_ms = wait_ms < 0 || wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)wait_ms;
}

/* The CNI_* variables alone: runtimes pass on their whole environment, secrets included. */
static bool gather_environment(void)
{
	size_t used = 0;
	unsigned char *start = frame + FRAME_HEADER_BYTES;
	for (char **variable = environ; *variable != NULL; variable++) {
		if (strncmp(*variable, "CNI_", 4) != 0)
			continue;
		size_t length = strlen(*variable) + 1;
		if (used + length > ENVIRONMENT_MAX_BYTES)
			return false;
		memcpy(start + used, *variable, length);
		used += length;
	}
	memcpy(frame, "PPLN", 4);
	frame[4] = FRAME_VERSION;
	put_u32(frame + 6, used);
	frame_bytes = FRAME_HEADER_BYTES + used;
	return true;
}

/* 0, or the CNI error code of what went wrong. */
static int gather_stdin(void)
{
	size_t used = 0;
	int64_t deadline = now_ms() + STDIN_MS;
	for (;;) {
		if (!wait_for(STDIN_FILENO, POLLIN, deadline))
			return CNI_IO;
		ssize_t got = read(STDIN_FILENO, frame + frame_bytes + used, STDIN_MAX_BYTES + 1 - used);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return CNI_IO;
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > STDIN_MAX_BYTES)
			return CNI_DECODE;
	}
	put_u32(frame + 10, used);
	frame_bytes += used;
	return 0;
}

/* A connected socket or -1. Non-blocking: a stopped agent with a full backlog counts as away. */
static int connect_agent(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(socket_path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int reason = errno;
		close(fd);
		errno = reason;
		return -1;
	}
	return fd;
}

/* The descriptor goes with the first byte; the kernel may take the rest in several parts. */
static bool send_frame(int fd, int netns, int64_t deadline)
{
	size_t sent = 0;
	while (sent < frame_bytes) {
		union {
			struct cmsghdr header;
			char space[CMSG_SPACE(sizeof(int))];
		} control = { 0 };
		struct iovec part = { .iov_base = frame + sent, .iov_len = frame_bytes - sent };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		if (sent == 0 && netns >= 0) {
			message.msg_control = control.space;
			message.msg_controllen = sizeof(control.space);
			struct cmsghdr *header = CMSG_FIRSTHDR(&message);
			header->cmsg_level = SOL_SOCKET;
			header->cmsg_type = SCM_RIGHTS;
			header->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(header), &netns, sizeof(int));
		}
		ssize_t got = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (got > 0)
			sent += (size_t)got;
		else if (errno == EAGAIN && wait_for(fd, POLLOUT, deadline))
			continue;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

static bool receive(int fd, unsigned char *into, size_t length, int64_t deadline)
{
	while (length > 0) {
		ssize_t got = recv(fd, into, length, 0);
		if (got > 0) {
			into += got;
			length -= (size_t)got;
		} else if (got == 0) {
			return false;
		} else if (errno == EAGAIN) {
			if (!wait_for(fd, POLLIN, deadline))
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* One exchange. ANSWERED: stdout is printed and `exit_code` is set. */
static enum outcome call_agent(int netns, int reply_ms, int *exit_code)
{
	int64_t deadline = now_ms() + reply_ms;
	int fd = connect_agent();
	if (fd < 0)
		return AWAY;
	/* An agent that refuses a frame early closes while we send: its answer is still there. */
	(void)send_frame(fd, netns, deadline);
	bool complete = receive(fd, reply, REPLY_HEADER_BYTES, deadline);
	size_t length = complete ? get_u32(reply + 2) : 0;
	if (complete && reply[0] == FRAME_VERSION && length <= REPLY_MAX_BYTES)
		complete = receive(fd, reply + REPLY_HEADER_BYTES, length, deadline);
	close(fd);
	if (!complete)
		return LOST;
	if (reply[0] != FRAME_VERSION) {
		char details[96];
		snprintf(details, sizeof(details), "the agent answers in version %u, this executable knows %d",
			 reply[0], FRAME_VERSION);
		*exit_code = fail(CNI_INCOMPATIBLE_VERSION, "unknown frame version", details);
		return ANSWERED;
	}
	if (length > REPLY_MAX_BYTES) {
		*exit_code = fail(CNI_DECODE, "the agent's answer is too long", "more than 1 MiB");
		return ANSWERED;
	}
	*exit_code = reply[1];
	/*
	 * A result that nobody gets is no success. Where stdout is closed its number may be that of a
	 * file of ours, which is open for reading alone: that fails as well.
	 */
	if (!write_all(STDOUT_FILENO, reply + REPLY_HEADER_BYTES, length) && *exit_code == 0)
		*exit_code = 1;
	return ANSWERED;
}

static int fail_away(int code, enum outcome outcome)
{
	char details[PATH_MAX];
	snprintf(details, sizeof(details), "%s: %s", socket_path,
		 outcome == AWAY ? strerror(errno) : "no complete answer");
	return fail(code, "the Poplin agent of this node is not available", details);
}

/* The agent may be restarting: tried again until the time is over, then "try again later". */
static int add(int netns)
{
	int64_t deadline = now_ms() + add_wait_ms;
	for (;;) {
		int exit_code = 0;
		enum outcome outcome = call_agent(netns, REPLY_MS, &exit_code);
		if (outcome == ANSWERED)
			return exit_code;
		if (now_ms() >= deadline)
			return fail_away(CNI_TRY_AGAIN_LATER, outcome);
		if (outcome == LOST)
			frame[5] |= FLAG_REPEATED;
		poll(NULL, 0, POLL_MS);
	}
}

/* Stops the pod's traffic, as DEL will be reported done. Never in the namespace we run in. */
static void set_link_down(int netns)
{
	struct stat own, pod;
	struct ifreq request = { 0 };
	const char *name = getenv("CNI_IFNAME");
	if (netns < 0 || name == NULL || strlen(name) >= IFNAMSIZ)
		return;
	if (stat("/proc/self/ns/net", &own) < 0 || fstat(netns, &pod) < 0)
		return;
	if ((own.st_ino == pod.st_ino && own.st_dev == pod.st_dev) || setns(netns, CLONE_NEWNET) < 0)
		return;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	strcpy(request.ifr_name, name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags &= (short)~IFF_UP;
		(void)ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
}

/* `<container>@<interface>`: unambiguous, since a container id has no '@'. */
static bool name_tombstone(char *name, size_t size)
{
	static const char ID_CHARACTERS[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	const char *container = getenv("CNI_CONTAINERID");
	const char *interface = getenv("CNI_IFNAME");
	if (container == NULL || *container == '\0' || *container == '.' ||
	    container[strspn(container, ID_CHARACTERS)] != '\0')
		return false;
	if (interface == NULL || *interface == '\0' || strchr(interface, '/') != NULL)
		return false;
	return snprintf(name, size, "%s@%s", container, interface) < (int)size;
}

static bool make_directories(const char *path)
{
	char part[PATH_MAX];
	if (strlen(path) >= sizeof(part))
		return false;
	strcpy(part, path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(part, 0755);
		*slash = '/';
	}
	return mkdir(part, 0700) == 0 || errno == EEXIST;
}

static int count_tombstones(int directory)
{
	int count = 0;
	DIR *listing = fdopendir(dup(directory));
	if (listing == NULL)
		return 0;
	for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
		count += entry->d_name[0] != '.';
	closedir(listing);
	return count;
}

/* The whole frame under a name that a repeated DEL meets again. 0 or the CNI error's exit code. */
static int write_tombstone(int directory, const char *name)
{
	char temporary[NAME_MAX + 32];
	static const char MESSAGE[] = "the agent is away and the DEL could not be recorded";
	if (faccessat(directory, name, F_OK, 0) < 0 && count_tombstones(directory) >= TOMBSTONES_MAX)
		return fail(CNI_TRY_AGAIN_LATER, MESSAGE, "too many tombstones wait for the agent");
	/* Runtimes in process namespaces of their own may share our number. */
	snprintf(temporary, sizeof(temporary), ".%d-%lld.tmp", (int)getpid(), (long long)now_ms());
	int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(CNI_IO, MESSAGE, tombstone_directory);
	/* Synced, unlike attachments: the runtime will not repeat this DEL after a power loss. */
	bool written = write_all(fd, frame, frame_bytes) && fsync(fd) == 0;
	if (close(fd) == 0 && written && renameat(directory, temporary, directory, name) == 0)
		return 0;
	int exit_code = fail_errno(CNI_IO, MESSAGE, tombstone_directory);
	(void)unlinkat(directory, temporary, 0);
	return exit_code;
}

static int record_del(int netns)
{
	char name[NAME_MAX];
	if (!name_tombstone(name, sizeof(name)))
		return fail(CNI_ENVIRONMENT, "invalid environment", "CNI_CONTAINERID or CNI_IFNAME");
	int directory = -1;
	if (make_directories(tombstone_directory))
		directory = open(tombstone_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return fail_errno(CNI_IO, "the agent is away and the DEL could not be recorded",
				  tombstone_directory);
	int exit_code = write_tombstone(directory, name);
	if (exit_code != 0)
		return exit_code;
	/*
	 * An agent listens first and reads the tombstones then. If it listens by now, it may have read
	 * them before ours was there: it is told directly, and removes our file with the attachment.
	 */
	enum outcome outcome = call_agent(netns, DEL_REPLY_MS, &exit_code);
	return outcome == ANSWERED ? exit_code : 0;
}

static int del(int netns)
{
	int exit_code = 0;
	if (call_agent(netns, DEL_REPLY_MS, &exit_code) == ANSWERED)
		return exit_code;
	set_link_down(netns);
	return record_del(netns);
}

/* Verbs that change nothing, or nothing in a hurry: the runtime asks again. */
static int ask(const char *command, int netns)
{
	bool status = strcmp(command, "STATUS") == 0;
	int exit_code = 0;
	enum outcome outcome = call_agent(netns, status ? STATUS_REPLY_MS : REPLY_MS, &exit_code);
	if (outcome == ANSWERED)
		return exit_code;
	return fail_away(status ? CNI_NOT_AVAILABLE : CNI_TRY_AGAIN_LATER, outcome);
}

int main(void)
{
	const char *command = getenv("CNI_COMMAND");
	const char *netns_path = getenv("CNI_NETNS");
	int netns = -1;
	signal(SIGPIPE, SIG_IGN);
	if (command == NULL || *command == '\0') {
		fputs(ABOUT, stderr);
		return 0;
	}
	if (strcmp(command, "VERSION") == 0)
		return write_all(STDOUT_FILENO, VERSION_REPLY, sizeof(VERSION_REPLY) - 1) ? 0 : 1;
	read_paths();
	if (!gather_environment())
		return fail(CNI_ENVIRONMENT, "invalid environment", "the CNI_* variables exceed 128 KiB");
	int code = gather_stdin();
	if (code == CNI_IO)
		return fail_errno(CNI_IO, "the network configuration cannot be read", "stdin");
	if (code != 0)
		return fail(code, "the network configuration is too long", "stdin exceeds 1 MiB");
	if (netns_path != NULL && *netns_path != '\0')
		netns = open(netns_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (netns >= 0)
		frame[5] |= FLAG_NETNS;
	if (strcmp(command, "ADD") == 0)
		return add(netns);
	if (strcmp(command, "DEL") == 0)
		return del(netns);
	return ask(command, netns);
}
