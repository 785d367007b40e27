// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event-settings EVENTS...: prints the filters and triggers below the folders
 * (events/ of instances) that differ from the default: for each file its path
 * and its text, or the name of the error that reading it gives, both ended by
 * a zero byte. Thousands of files before and after each test, in emulated
 * guests too: an interpreter takes most of a test's time for them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char text[1 << 20];

/* Whether text, the file's or its beginning, says that nothing is set. */
static bool is_default(const char *file)
{
	return !strcmp(file, "filter") ? !strcmp(text, "none\n") : !strncmp(text, "# Available", 11);
}

/* The file's text, or an error's name; at least its beginning if that is the default. Whether it is not. */
static bool read_text(int folder, const char *path, const char *file)
{
	size_t len = 0;
	ssize_t n = -1;
	int fd = openat(folder, path, O_RDONLY);

	if (fd < 0 && errno == ENOENT)
		return false;
	*text = 0;
	while (fd >= 0 && !is_default(file) && len < sizeof(text) - 1 &&
	       (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
		len += n;
		text[len] = 0;
	}
	if (n < 0)
		snprintf(text, sizeof(text), "%s", strerrorname_np(errno));
	if (fd >= 0)
		close(fd);
	return *text && !is_default(file);
}

static void look_at_system(const char *events, const char *system, DIR *dir)
{
	static const char *const files[] = { "filter", "trigger" };
	struct dirent *d;

	while ((d = readdir(dir))) {
		if (*d->d_name == '.' || !strcmp(d->d_name, "enable") || !strcmp(d->d_name, "filter"))
			continue;
		for (int i = 0; i < 2; i++) {
			char path[sizeof(d->d_name) + 16];

			snprintf(path, sizeof(path), "%s/%s", d->d_name, files[i]);
			if (read_text(dirfd(dir), path, files[i]))
				printf("%s/%s/%s%c%s%c", events, system, path, 0, text, 0);
		}
	}
}

static int look_at(const char *events)
{
	DIR *dir = opendir(events);
	struct dirent *d;

	if (!dir) {
		fprintf(stderr, "event-settings: cannot read '%s': %s\n", events, strerror(errno));
		return 1;
	}
	while ((d = readdir(dir))) {
		int fd = *d->d_name == '.' ? -1 : openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY);
		DIR *system = fd >= 0 ? fdopendir(fd) : NULL;

		if (system) {
			look_at_system(events, d->d_name, system);
			closedir(system);
		}
	}
	closedir(dir);
	return 0;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++)
		r |= look_at(argv[i]);
	return r || fflush(stdout);
}
