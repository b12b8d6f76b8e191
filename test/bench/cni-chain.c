/*
 * Runs CNI plugin chains as libcni does and tells how long each call took: plugins are started one
 * after the other, each with the result of the one before it as `prevResult` (DEL: in reverse, each
 * with the cached result of the ADD). Written in C so that starting a process costs the same small
 * time for both sides of a comparison; from Node.js it would cost more than the plugins.
 *
 * Usage: cni-chain ADD|DEL one-by-one|at-once RESULTS-DIRECTORY <<JOBS
 *   chain NAME HOST-NAMESPACE-PATH     begins a chain, whose plugins run in that namespace
 *   plugin EXECUTABLE CONFIG-FILE      adds a plugin to it
 *   job CHAIN-INDEX CONTAINER-ID NAMESPACE-PATH [PORT]
 * Five digits 54321 in a configuration stand for the port of the job.
 * Prints one line `CHAIN-INDEX NANOSECONDS` for each job, and `wall NANOSECONDS` at the end. The
 * first failure is printed with the plugin's output, and the exit code is 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHAINS_MAX = 8, PLUGINS_MAX = 8, JOBS_MAX = 4096, RESULT_MAX_BYTES = 1 << 16 };

struct plugin {
	char executable[PATH_MAX];
	char *config;
};

struct chain {
	int host;
	int plugin_count;
	struct plugin plugins[PLUGINS_MAX];
};

struct job {
	int chain;
	char container[128];
	char namespace[PATH_MAX];
	char port[6];
};

static const char port_place[] = "54321";

static struct chain chains[CHAINS_MAX];
static int chain_count;
static struct job jobs[JOBS_MAX];
static int job_count;
static const char *verb;
static const char *results;

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "cni-chain: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	char *text = calloc(1, RESULT_MAX_BYTES);
	if (text == NULL || (fread(text, 1, RESULT_MAX_BYTES - 1, file) == 0 && ferror(file)))
		die(path);
	fclose(file);
	return text;
}

static void result_path(const struct job *job, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.json", results, job->container);
}

/* Puts the job's port into its places, if it has one; all ports have as many digits. */
static void set_port(char *text, const char *port)
{
	if (strlen(port) != strlen(port_place))
		return;
	for (char *at = text; (at = strstr(at, port_place)) != NULL; at += strlen(port))
		memcpy(at, port, strlen(port));
}

/* The configuration with the earlier result in it: `…}` becomes `…,"prevResult":{…}}`. */
static char *stdin_text(const char *config, const char *earlier)
{
	size_t length = strlen(config);
	while (length > 0 && config[length - 1] != '}')
		length--;
	char *text = NULL;
	if (earlier == NULL || earlier[0] == '\0' || length == 0)
		text = strdup(config);
	else if (asprintf(&text, "%.*s,\"prevResult\":%s}", (int)length - 1, config, earlier) < 0)
		text = NULL;
	if (text == NULL)
		die("prepare stdin");
	return text;
}

/* One plugin from start to end; its output goes to `output`. Returns its exit status. */
static int call(const struct plugin *plugin, const struct job *job, const char *input, char *output)
{
	char container[160], namespace[PATH_MAX + 16], command[32];
	snprintf(command, sizeof(command), "CNI_COMMAND=%s", verb);
	snprintf(container, sizeof(container), "CNI_CONTAINERID=%s", job->container);
	snprintf(namespace, sizeof(namespace), "CNI_NETNS=%s", job->namespace);
	char *environment[] = { command, container, namespace, "CNI_IFNAME=eth0",
		"CNI_PATH=/usr/lib/cni", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	char *arguments[] = { (char *)plugin->executable, NULL };
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("pipe");
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	pid_t pid;
	errno = posix_spawn(&pid, plugin->executable, &actions, NULL, arguments, environment);
	if (errno != 0)
		die(plugin->executable);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	size_t length = strlen(input);
	if (write(in[1], input, length) != (ssize_t)length)
		die("write stdin of a plugin");
	close(in[1]);
	size_t got = 0;
	ssize_t part;
	while ((part = read(out[0], output + got, RESULT_MAX_BYTES - 1 - got)) > 0)
		got += (size_t)part;
	output[got] = '\0';
	close(out[0]);
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

/* The whole chain for one job: nanoseconds, or -1 after a failure, which is printed. */
static int64_t run_job(const struct job *job)
{
	const struct chain *chain = &chains[job->chain];
	bool adds = strcmp(verb, "ADD") == 0;
	char path[PATH_MAX];
	static char output[RESULT_MAX_BYTES];
	char *inputs_of_del[PLUGINS_MAX] = { NULL };
	result_path(job, path);
	if (!adds) {
		char *earlier = read_file(path);
		for (int i = 0; i < chain->plugin_count; i++) {
			inputs_of_del[i] = stdin_text(chain->plugins[i].config, earlier);
			set_port(inputs_of_del[i], job->port);
		}
	}
	if (setns(chain->host, CLONE_NEWNET) < 0)
		die("enter the namespace of the host");
	output[0] = '\0';
	int64_t start = now_ns();
	for (int step = 0; step < chain->plugin_count; step++) {
		int index = adds ? step : chain->plugin_count - 1 - step;
		const struct plugin *plugin = &chain->plugins[index];
		char *input = adds ? stdin_text(plugin->config, output) : inputs_of_del[index];
		set_port(input, job->port);
		int status = call(plugin, job, input, output);
		if (status != 0) {
			fprintf(stderr, "cni-chain: %s of %s by %s failed (status %d): %s\n", verb,
				job->container, plugin->executable, status, output);
			return -1;
		}
		free(input);
	}
	int64_t took = now_ns() - start;
	if (adds) {
		FILE *file = fopen(path, "w");
		if (file == NULL || fputs(output, file) < 0 || fclose(file) != 0)
			die(path);
	} else {
		unlink(path);
	}
	return took;
}

static bool one_by_one(void)
{
	int64_t start = now_ns();
	for (int i = 0; i < job_count; i++) {
		int64_t took = run_job(&jobs[i]);
		if (took < 0)
			return false;
		printf("%d %lld\n", jobs[i].chain, (long long)took);
	}
	printf("wall %lld\n", (long long)(now_ns() - start));
	return true;
}

/* A process for each job, all of which wait for one pipe to be closed. */
static bool at_once(void)
{
	int64_t *times = mmap(NULL, sizeof(int64_t) * JOBS_MAX, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int gate[2];
	if (times == MAP_FAILED || pipe2(gate, O_CLOEXEC) < 0)
		die("prepare");
	for (int i = 0; i < job_count; i++) {
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			char nothing;
			close(gate[1]);
			if (read(gate[0], &nothing, 1) != 0)
				_exit(1);
			times[i] = run_job(&jobs[i]);
			_exit(times[i] < 0);
		}
	}
	close(gate[0]);
	usleep(100000);
	int64_t start = now_ns();
	close(gate[1]);
	bool ok = true;
	for (int i = 0; i < job_count; i++) {
		int status;
		if (wait(&status) < 0 || status != 0)
			ok = false;
	}
	int64_t wall = now_ns() - start;
	for (int i = 0; i < job_count; i++)
		printf("%d %lld\n", jobs[i].chain, (long long)times[i]);
	printf("wall %lld\n", (long long)wall);
	return ok;
}

static void add_chain(const char *path)
{
	if (chain_count == CHAINS_MAX)
		errno = E2BIG, die("chain");
	chains[chain_count].host = open(path, O_RDONLY | O_CLOEXEC);
	if (chains[chain_count++].host < 0)
		die(path);
}

static void add_plugin(const char *executable, const char *config)
{
	struct chain *chain = &chains[chain_count - 1];
	if (chain_count == 0 || chain->plugin_count == PLUGINS_MAX)
		errno = EINVAL, die("plugin");
	struct plugin *plugin = &chain->plugins[chain->plugin_count++];
	snprintf(plugin->executable, sizeof(plugin->executable), "%s", executable);
	plugin->config = read_file(config);
	if (plugin->config == NULL)
		die(config);
}

static void read_jobs(void)
{
	static char line[3 * PATH_MAX], word[PATH_MAX], second[PATH_MAX];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct job *job = &jobs[job_count];
		if (sscanf(line, "chain %4095s %4095s", word, second) == 2)
			add_chain(second);
		else if (sscanf(line, "plugin %4095s %4095s", word, second) == 2)
			add_plugin(word, second);
		else if (sscanf(line, "job %d %127s %4095s %5s", &job->chain, job->container,
				 job->namespace, job->port) >= 3 && job->chain < chain_count &&
			 job_count < JOBS_MAX - 1)
			job_count++;
		else
			errno = EINVAL, die(line);
	}
}

int main(int count, char **words)
{
	if (count != 4) {
		fprintf(stderr, "usage: cni-chain ADD|DEL one-by-one|at-once RESULTS-DIRECTORY\n");
		return 2;
	}
	verb = words[1];
	results = words[3];
	read_jobs();
	return (strcmp(words[2], "at-once") == 0 ? at_once() : one_by_one()) ? 0 : 1;
}
