// SPDX-License-Identifier: Apache-2.0
/*
 * UDP load for bench/lab.ts.
 *   udp echo ADDRESS PORT                            sends each datagram back to where it came from, from ADDRESS
 *   udp ask ADDRESS PORT MILLISECONDS FLOWS WINDOW   prints "ANSWERS_A_SECOND LOST"
 * A closed loop: each flow (a source port of its own) keeps WINDOW datagrams under way and sends one more for each answer, so that
 * nothing is lost by sending faster than the other end reads, and the figure is what the way between them carries.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	DATAGRAM = 64,
	FLOWS_MAX = 1024,
	BUFFER_BYTES = 4 << 20,
	/* Nothing arrived for so long: what was under way is lost. */
	PATIENCE_MS = 200,
};

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_storage names[BATCH];
static char bytes[BATCH][DATAGRAM];

static void die(const char *what)
{
	fprintf(stderr, "udp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static socklen_t parse_address(const char *text, const char *port, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (void *)address;
	struct sockaddr_in6 *v6 = (void *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(atoi(port));
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(atoi(port));
		return sizeof(*v6);
	}
	errno = EINVAL;
	die(text);
	return 0;
}

static int open_socket(int family)
{
	int bytes_max = BUFFER_BYTES;
	int file = socket(family, SOCK_DGRAM, 0);

	if (file < 0)
		die("socket");
	/* Beyond net.core.rmem_max only root may go, and the bench is root. */
	if (setsockopt(file, SOL_SOCKET, SO_RCVBUFFORCE, &bytes_max, sizeof(bytes_max)) ||
	    setsockopt(file, SOL_SOCKET, SO_SNDBUFFORCE, &bytes_max, sizeof(bytes_max)))
		die("setsockopt");
	return file;
}

static void prepare_messages(int with_names)
{
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ bytes[i], DATAGRAM };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
		if (with_names)
			messages[i].msg_hdr.msg_name = &names[i];
	}
}

static void echo(const char *address, const char *port)
{
	struct sockaddr_storage own;
	socklen_t length = parse_address(address, port, &own);
	int file = open_socket(own.ss_family);

	if (bind(file, (struct sockaddr *)&own, length))
		die("bind");
	prepare_messages(1);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count;

		for (int i = 0; i < BATCH; i++) {
			messages[i].msg_hdr.msg_namelen = sizeof(names[i]);
			vectors[i].iov_len = DATAGRAM;
		}
		count = recvmmsg(file, messages, BATCH, MSG_WAITFORONE, NULL);
		if (count < 0) {
			/* An ICMP error for an answer of before; the client hears of it by its silence. */
			if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == EINTR)
				continue;
			die("recvmmsg");
		}
		for (int i = 0; i < count; i++)
			vectors[i].iov_len = messages[i].msg_len;
		for (int sent = 0; sent < count;) {
			int more = sendmmsg(file, messages + sent, count - sent, 0);

			if (more < 0)
				break;
			sent += more;
		}
	}
}

static int send_some(int file, int count)
{
	int sent = sendmmsg(file, messages, count, MSG_DONTWAIT);

	return sent < 0 ? 0 : sent;
}

static void ask(const char *address, const char *port, int milliseconds, int flows, int window)
{
	struct pollfd polls[FLOWS_MAX];
	int under_way[FLOWS_MAX];
	struct sockaddr_storage peer;
	socklen_t length = parse_address(address, port, &peer);
	long answers = 0, lost = 0;
	double start, end;

	if (flows < 1 || flows > FLOWS_MAX || window < 1 || window > BATCH) {
		errno = EINVAL;
		die("1 to 1024 flows, a window of 1 to 64");
	}
	prepare_messages(0);
	for (int i = 0; i < flows; i++) {
		polls[i] = (struct pollfd){ open_socket(peer.ss_family), POLLIN, 0 };
		if (connect(polls[i].fd, (struct sockaddr *)&peer, length))
			die("connect");
		under_way[i] = 0;
	}
	start = now_seconds();
	end = start + milliseconds / 1e3;
	while (now_seconds() < end) {
		int arrived = 0;

		for (int i = 0; i < flows; i++) {
			int count = under_way[i] ? recvmmsg(polls[i].fd, messages, window, MSG_DONTWAIT, NULL) : 0;

			if (count > 0) {
				arrived += count;
				/* More than was asked for: what was given up for lost only came late. */
				under_way[i] = count > under_way[i] ? 0 : under_way[i] - count;
			}
			if (under_way[i] < window)
				under_way[i] += send_some(polls[i].fd, window - under_way[i]);
		}
		answers += arrived;
		if (arrived || poll(polls, flows, PATIENCE_MS) > 0)
			continue;
		for (int i = 0; i < flows; i++) {
			lost += under_way[i];
			under_way[i] = 0;
		}
	}
	printf("%.0f %ld\n", answers / (now_seconds() - start), lost);
}

int main(int count, char **arguments)
{
	if (count == 4 && !strcmp(arguments[1], "echo"))
		echo(arguments[2], arguments[3]);
	else if (count == 7 && !strcmp(arguments[1], "ask"))
		ask(arguments[2], arguments[3], atoi(arguments[4]), atoi(arguments[5]), atoi(arguments[6]));
	else
		return fputs("usage: udp echo ADDRESS PORT | udp ask ADDRESS PORT MILLISECONDS FLOWS WINDOW\n", stderr), 2;
	return 0;
}
