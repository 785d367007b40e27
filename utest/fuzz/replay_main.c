// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a fuzz target over the files and folders given, without libFuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned files;

static int replay_file(const char *path)
{
	struct buf b AUTO_BUF = { 0 };
	uint8_t *exact;			/* no slack behind: overreads must show */
	int r = path_read_all(path, &b, 1u << 30);

	if (r) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	exact = malloc(b.len ? b.len : 1);
	if (!exact)
		return 1;
	memcpy(exact, b.data, b.len);
	LLVMFuzzerTestOneInput(exact, b.len);
	free(exact);
	files++;
	return 0;
}

static int replay_path(const char *path)
{
	struct dirent *d;
	struct stat st;
	int r = 0;
	DIR *dir;

	if (stat(path, &st) < 0) {
		perror(path);
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	dir = opendir(path);
	if (!dir) {
		perror(path);
		return 1;
	}
	while ((d = readdir(dir))) {
		char name[4096];

		if (d->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
		r |= replay_path(name);
	}
	closedir(dir);
	return r;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++)
		r |= replay_path(argv[i]);
	if (!files) {
		fprintf(stderr, "%s: no inputs\n", argv[0]);
		r = 1;
	}
	printf("%s: %u inputs\n", argv[0], files);
	return r;
}
