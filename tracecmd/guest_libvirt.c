// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest_libvirt.h"

#define XML_MAX (4u << 20)

extern char **environ;

bool libvirt_cid_of_xml(const char *xml, uint32_t *ret)
{
	static const char word[] = "address='";
	const char *cid = strstr(xml, "<cid "), *end = cid ? strchr(cid, '>') : NULL;
	const char *value = cid ? strstr(cid, word) : NULL;
	AUTO_FREE char *number = NULL;
	uint64_t v;

	if (!end || !value || value > end)
		return false;
	value += sizeof(word) - 1;
	number = strndup(value, strcspn(value, "'"));
	if (!number || parse_u64(number, &v) || v >= UINT32_MAX)
		return false;
	*ret = v;
	return true;
}

/* What virsh says of the guest. 0: it knows it; 1: not, or it is not there; -errno. */
static int ask_virsh(const char *name, struct buf *xml)
{
	char *argv[] = { "virsh", "--quiet", "dumpxml", "--", (char *)name, NULL };
	posix_spawn_file_actions_t fa;
	int fds[2], r, status = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fds[1], STDOUT_FILENO);
	r = -posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (!r)
		r = fd_read_all(fds[0], xml, XML_MAX);
	else
		r = r == -ENOENT ? 1 : r;
	close(fds[0]);
	if (r)
		return r;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : 1;
}

int libvirt_cid(const char *name, uint32_t *ret, struct err *e)
{
	struct buf xml AUTO_BUF = { 0 };
	int r = ask_virsh(name, &xml);

	if (r < 0)
		return err_errno(e, r, "cannot ask virsh for the guest '%s'", name);
	if (r)
		return 0;
	if (xml.len && libvirt_cid_of_xml(xml.data, ret))
		return 1;
	return err_set(e, -ENODEV, "the guest '%s' has no vsock ('virsh edit %s': <vsock><cid auto='yes'/></vsock>)", name,
		       name);
}
