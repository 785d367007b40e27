// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * listen-load PORT RECORDERS FRONT CPU0 [CPU1...]: so many recorders at once, each of which sends the same
 * to a listener on this machine: the file's front, then in turns a piece of each CPU's sub-buffers. Prints the
 * milliseconds until all was taken, and until the listener had closed all connections.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CPUS_MAX 8
#define PIECE 65536
#define PAGE 4096
#define TRIES 500

struct bytes { char *data; size_t len; };
struct recorder { int control, data[CPUS_MAX]; unsigned ports[CPUS_MAX]; };

static struct bytes read_file(const char *path)
{
	struct bytes b;
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	b.len = st.st_size;
	b.data = malloc(b.len + 1);
	if (!b.data || read(fd, b.data, b.len) != (ssize_t)b.len)
		err(1, "%s", path);
	close(fd);
	return b;
}

static int connect_to(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timespec pause = { .tv_nsec = 10000000 };
	int one = 1;

	for (int i = 0; i < TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
			return fd;
		close(fd);
		nanosleep(&pause, NULL);
	}
	err(1, "cannot connect to port %u", port);
}

static void say(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0)
			err(1, "cannot send");
		p += n;
		len -= n;
	}
}

static void hear(int fd, void *to, size_t len)
{
	char *p = to;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			errx(1, "the listener ended");
		p += n;
		len -= n;
	}
}

static void message(int fd, uint32_t id, const void *fixed, uint32_t fixed_len, const void *payload, uint32_t len)
{
	uint32_t header[3] = { htonl(12 + fixed_len + len), htonl(id), htonl(fixed_len) };
	char all[8192];

	memcpy(all, header, 12);
	memcpy(all + 12, fixed, fixed_len);
	memcpy(all + 12 + fixed_len, payload, len);
	say(fd, all, 12 + fixed_len + len);
}

static void begin(struct recorder *r, unsigned port, int cpus, struct bytes front)
{
	uint32_t fixed[3] = { htonl(cpus), htonl(PAGE), htonl(1) }, header[3];
	char answer[8192], *p = answer + 4;

	r->control = connect_to(port);
	hear(r->control, answer, 8);
	say(r->control, "-1V3", 5);
	hear(r->control, answer, 3);
	say(r->control, "766679\0", 8);
	hear(r->control, answer, 2);
	message(r->control, 1, fixed, 12, "tcp", 4);
	hear(r->control, header, 12);
	hear(r->control, answer, ntohl(header[0]) - 12);
	for (int i = 0; i < cpus; i++, p += strlen(p) + 1)
		r->ports[i] = atoi(p);
	for (size_t at = 0; at < front.len; at += 8180)
		message(r->control, 3, "", 0, front.data + at, front.len - at < 8180 ? front.len - at : 8180);
	message(r->control, 4, "", 0, "", 0);
	for (int i = 0; i < cpus; i++)
		r->data[i] = connect_to(r->ports[i]);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	int nr, cpus = argc - 4;
	struct bytes front, cpu[CPUS_MAX];
	struct recorder *all;
	double start, sent;
	char byte;

	if (cpus < 1 || cpus > CPUS_MAX)
		errx(2, "usage: listen-load PORT RECORDERS FRONT CPU0 [CPU1...]");
	setrlimit(RLIMIT_NOFILE, &files);
	nr = atoi(argv[2]);
	front = read_file(argv[3]);
	for (int i = 0; i < cpus; i++)
		cpu[i] = read_file(argv[4 + i]);
	all = calloc(nr, sizeof(*all));
	start = now_ms();
	for (int k = 0; k < nr; k++)
		begin(&all[k], atoi(argv[1]), cpus, front);
	for (size_t at = 0, more = 1; more; at += PIECE) {
		more = 0;
		for (int k = 0; k < nr; k++)
			for (int i = 0; i < cpus; i++)
				if (at < cpu[i].len) {
					size_t left = cpu[i].len - at;

					say(all[k].data[i], cpu[i].data + at, left < PIECE ? left : PIECE);
					more = 1;
				}
	}
	for (int k = 0; k < nr; k++) {
		for (int i = 0; i < cpus; i++)
			close(all[k].data[i]);
		message(all[k].control, 0, "", 0, "", 0);
	}
	sent = now_ms();
	for (int k = 0; k < nr; k++)
		while (read(all[k].control, &byte, 1) > 0)
			;
	printf("%.0f %.0f\n", sent - start, now_ms() - start);
	return 0;
}
