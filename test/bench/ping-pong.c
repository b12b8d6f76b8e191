/*
 * Latency of one TCP connection: a byte there and back, again and again, without Nagle's delay.
 * Usage: ping-pong serve PORT
 *        ping-pong measure ADDRESS PORT COUNT    prints the nanoseconds of each round, one a line
 *        ping-pong connect ADDRESS PORT COUNT    the same with a new connection for each round
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP_ROUNDS = 200 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int open_socket(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		die("socket");
	return fd;
}

static void without_delay(int fd)
{
	int one = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		die("TCP_NODELAY");
}

static void serve(struct sockaddr_in *address)
{
	int fd = open_socket();
	if (bind(fd, (struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, 8) < 0)
		die("listen");
	for (;;) {
		char byte;
		int peer = accept(fd, NULL, NULL);
		if (peer < 0)
			die("accept");
		without_delay(peer);
		while (read(peer, &byte, 1) == 1 && write(peer, &byte, 1) == 1)
			;
		close(peer);
	}
}

static void measure(struct sockaddr_in *address, int count)
{
	int fd = open_socket();
	without_delay(fd);
	if (connect(fd, (struct sockaddr *)address, sizeof(*address)) < 0)
		die("connect");
	for (int round = -WARM_UP_ROUNDS; round < count; round++) {
		char byte = 0;
		int64_t start = now_ns();
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("ping-pong");
		if (round >= 0)
			printf("%lld\n", (long long)(now_ns() - start));
	}
}

static void measure_connecting(struct sockaddr_in *address, int count)
{
	for (int round = -WARM_UP_ROUNDS; round < count; round++) {
		char byte = 0;
		int fd = open_socket();
		int64_t start = now_ns();
		if (connect(fd, (struct sockaddr *)address, sizeof(*address)) < 0)
			die("connect");
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("ping-pong");
		if (round >= 0)
			printf("%lld\n", (long long)(now_ns() - start));
		close(fd);
	}
}

int main(int count, char **words)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	if (count == 3 && strcmp(words[1], "serve") == 0) {
		address.sin_port = htons((uint16_t)atoi(words[2]));
		serve(&address);
	} else if (count == 5 && inet_pton(AF_INET, words[2], &address.sin_addr) == 1) {
		address.sin_port = htons((uint16_t)atoi(words[3]));
		if (strcmp(words[1], "connect") == 0)
			measure_connecting(&address, atoi(words[4]));
		else
			measure(&address, atoi(words[4]));
	} else {
		fprintf(stderr, "usage: ping-pong serve PORT | measure|connect ADDRESS PORT COUNT\n");
		return 2;
	}
	return 0;
}
