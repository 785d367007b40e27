// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which threads of a host ran the CPUs of its guests. */
#include <errno.h>
#include <stdlib.h>

#include "api/compat.h"

static const struct dat_guest *find_guest(struct tracecmd_input *host, uint64_t trace_id)
{
	const struct dat_info *info = dat_reader_info(compat_reader(host));

	for (uint32_t i = 0; i < info->nr_guests; i++)
		if (info->guests[i].trace_id == trace_id)
			return &info->guests[i];
	return NULL;
}

API int tracecmd_get_guest_cpumap(struct tracecmd_input *h, unsigned long long trace_id,
				  const char **name, int *vcpu_count, const int **cpu_pid)
{
	const struct dat_guest *guest;

	if (compat_need(h, false))
		return -1;
	guest = find_guest(h, trace_id);
	if (!guest) {
		errno = ENOENT;
		return -1;
	}
	if (name)
		*name = guest->name;
	if (vcpu_count)
		*vcpu_count = guest->nr_vcpus;
	if (cpu_pid)
		*cpu_pid = guest->host_pids;
	return 0;
}

/* 1, 0: it is none of the host's guests, -ENOMEM. */
static int map_guest(struct tracecmd_input *host, struct tracecmd_input *h)
{
	const struct dat_info *info = dat_reader_info(compat_reader(h));
	const struct dat_guest *guest = info->has_trace_id ? find_guest(host, info->trace_id) : NULL;
	struct tracecmd_cpu_map *maps;

	if (!guest || h == host)
		return 0;
	if (h->host == host)
		return 1;
	maps = calloc(guest->nr_vcpus + 1, sizeof(*maps));
	if (!maps || vec_push(&host->guests, h)) {
		free(maps);
		return -ENOMEM;
	}
	if (h->host)
		compat_unmap(h);
	for (uint32_t i = 0; i < guest->nr_vcpus; i++) {
		maps[i].guest = h;
		maps[i].host_pid = guest->host_pids[i];
	}
	h->host = host;
	h->maps = maps;
	h->nr_maps = guest->nr_vcpus;
	return 1;
}

API int tracecmd_map_vcpus(struct tracecmd_input **handles, int nr_handles)
{
	int found = 0;

	for (int i = 0; i < nr_handles; i++)
		if (!handles || compat_need(handles[i], false))
			return -1;
	for (int i = 1; i < nr_handles; i++) {
		int rc = map_guest(handles[0], handles[i]);

		if (rc < 0) {
			errno = ENOMEM;
			return -1;
		}
		found += rc;
	}
	return found;
}

void compat_unmap(struct tracecmd_input *h)
{
	struct tracecmd_input *host = h->host;

	for (size_t i = 0; host && i < host->guests.nr; i++)
		if (host->guests.v[i] == h)
			host->guests.v[i--] = host->guests.v[--host->guests.nr];
	for (size_t i = 0; i < h->guests.nr; i++)
		h->guests.v[i]->host = NULL;
	vec_release(&h->guests);
	free(h->maps);
	h->maps = NULL;
	h->nr_maps = 0;
	h->host = NULL;
}

API struct tracecmd_cpu_map *tracecmd_get_cpu_map(struct tracecmd_input *h, int cpu)
{
	return h && cpu >= 0 && cpu < h->nr_maps ? &h->maps[cpu] : NULL;
}

API struct tracecmd_cpu_map *tracecmd_map_find_by_host_pid(struct tracecmd_input *h, int host_pid)
{
	struct tracecmd_input *host = h && h->host ? h->host : h;

	for (size_t i = 0; host && i < host->guests.nr; i++) {
		struct tracecmd_input *guest = host->guests.v[i];

		for (int cpu = 0; cpu < guest->nr_maps; cpu++)
			if (guest->maps[cpu].host_pid == host_pid)
				return &guest->maps[cpu];
	}
	return NULL;
}

API struct tracecmd_input *tracecmd_map_get_guest(struct tracecmd_cpu_map *map)
{
	return map ? map->guest : NULL;
}

API int tracecmd_map_get_host_pid(struct tracecmd_cpu_map *map)
{
	return map ? map->host_pid : -1;
}

API void tracecmd_map_set_private(struct tracecmd_cpu_map *map, void *priv)
{
	if (map)
		map->priv = priv;
}

API void *tracecmd_map_get_private(struct tracecmd_cpu_map *map)
{
	return map ? map->priv : NULL;
}
