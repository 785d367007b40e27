// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* What virsh says. 0; 1: it fails, or is not there; -errno. */
static int ask_virsh(char *const argv[], struct buf *ret)
{
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
		r = fd_read_all(fds[0], ret, XML_MAX);
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
	char *argv[] = { "virsh", "--quiet", "dumpxml", "--", (char *)name, NULL };
	struct buf xml AUTO_BUF = { 0 };
	int r = ask_virsh(argv, &xml);

	if (r < 0)
		return err_errno(e, r, "cannot ask virsh for the guest '%s'", name);
	if (r)
		return 0;
	if (xml.len && libvirt_cid_of_xml(xml.data, ret))
		return 1;
	return err_set(e, -ENODEV, "the guest '%s' has no vsock ('virsh edit %s': <vsock><cid auto='yes'/></vsock>)", name,
		       name);
}

int libvirt_vcpus(const char *name, uint32_t *ret, struct err *e)
{
	char *argv[] = { "virsh", "--quiet", "vcpucount", "--maximum", "--", (char *)name, NULL };
	struct buf text AUTO_BUF = { 0 };
	uint64_t v;
	int r = ask_virsh(argv, &text);

	if (r < 0)
		return err_errno(e, r, "cannot ask virsh for the CPUs of '%s'", name);
	if (text.len)
		text.data[strcspn(text.data, "\n")] = 0;
	if (r || !text.len || parse_u64(text.data, &v) || !v || v > UINT32_MAX)
		return err_set(e, -ENODEV, "virsh does not tell how many CPUs '%s' has: give them with -c", name);
	*ret = v;
	return 0;
}

int libvirt_attach(const char *name, const char *xml, struct err *e)
{
	char path[64], *argv[] = { "virsh", "--quiet", "attach-device", "--config", "--", (char *)name, path, NULL };
	struct buf said AUTO_BUF = { 0 };
	int fd = memfd_create("device", 0), r = fd < 0 ? -errno : write_full(fd, xml, strlen(xml));

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!r)
		r = ask_virsh(argv, &said);
	cleanup_close(&fd);
	if (r < 0)
		return err_errno(e, r, "cannot have virsh change '%s'", name);
	return r ? err_set(e, -EIO, "virsh does not attach the FIFOs to '%s': see 'virsh attach-device --config %s' with a channel of "
			   "type pipe", name, name) : 0;
}
