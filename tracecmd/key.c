// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"

#define KEY_MAX 4096

int key_read(const char *path, struct buf *bytes, struct remote_key *key, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : fd_read_all(fd, bytes, KEY_MAX);

	if (r)
		return err_errno(e, r, "cannot read the key '%s'", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, -EPERM, "the key '%s' is for others to see (mode %03o): 'chmod 600 %s'", path,
			       st.st_mode & 0777, path);
	if (bytes->len && bytes->data[bytes->len - 1] == '\n')
		bytes->len--;
	if (bytes->len < REMOTE_KEY_MIN)
		return err_set(e, -EINVAL, "the key '%s' has %zu bytes, at least %u are needed: 'head -c 32 /dev/urandom >%s' "
			       "makes one", path, bytes->len, REMOTE_KEY_MIN, path);
	key->bytes = bytes->data;
	key->len = bytes->len;
	return 0;
}
