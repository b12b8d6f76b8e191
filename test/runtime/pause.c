/*
 * What runs in the sandboxes of these tests, and as the first process of the stand-in for a host.
 * It does nothing until it is told to end. With an argument it also ends with its stdin, so that
 * what hangs on it does not outlive a test run that was killed.
 */
#include <signal.h>
#include <unistd.h>

static void end(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

int main(int argc, char **argv)
{
	char byte;
	(void)argv;
	/* The first process of a process namespace gets no signal that it has no handler for. */
	(void)signal(SIGTERM, end);
	(void)signal(SIGINT, end);
	/* Whoever has lost his parent is ours: the kernel takes care of the dead. */
	(void)signal(SIGCHLD, SIG_IGN);
	if (argc < 2)
		for (;;)
			(void)pause();
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
