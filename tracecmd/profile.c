// SPDX-License-Identifier: GPL-2.0-or-later
/* Profile: records come in, times are added up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "profile_inside.h"

#define CPUS_MAX 65536
#define TASK_COMM_MAX 16

int profile_new(struct event_db *db, const struct profile_opts *opts, struct profile **ret,
		struct err *e)
{
	struct profile *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->db = db;
	p->opts = *opts;
	p->free_start = p->wakeup_pair = PROFILE_NONE;
	p->kinds = calloc(PROFILE_IDS, sizeof(*p->kinds));
	r = p->kinds ? profile_find_pairs(p, e) : err_set(e, -ENOMEM, "out of memory");
	if (r < 0) {
		profile_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; p->kinds && i < PROFILE_IDS; i++) {
		vec_release(&p->kinds[i].starts);
		vec_release(&p->kinds[i].ends);
	}
	for (size_t i = 0; i < p->starts.nr; i++)
		free(p->starts.v[i].stack);
	free(p->kinds);
	vec_release(&p->pairs);
	vec_release(&p->tasks);
	vec_release(&p->accounts);
	vec_release(&p->starts);
	vec_release(&p->nodes);
	vec_release(&p->cpus);
	vec_release(&p->frames);
	map_release(&p->task_of);
	map_release(&p->account_of);
	map_release(&p->start_of);
	map_release(&p->node_of);
	free(p);
}


void profile_tell_full(struct profile *p)
{
	if (!p->full)
		notice(p->opts.notices, "there is more to tell apart than a profile can hold: what "
		       "is met first is shown");
	p->full = true;
}

void profile_sum_add(struct profile_sum *s, uint64_t delta, uint64_t ts)
{
	if (!s->nr || delta > s->max) {
		s->max = delta;
		s->max_ts = ts;
	}
	if (!s->nr || delta < s->min) {
		s->min = delta;
		s->min_ts = ts;
	}
	s->nr++;
	s->total += delta;
}

void profile_sum_join(struct profile_sum *s, const struct profile_sum *more)
{
	if (!s->nr || more->max > s->max) {
		s->max = more->max;
		s->max_ts = more->max_ts;
	}
	if (!s->nr || more->min < s->min) {
		s->min = more->min;
		s->min_ts = more->min_ts;
	}
	s->nr += more->nr;
	s->total += more->total;
}

/* ---- tasks --------------------------------------------------------------------- */

/* Idle tasks have one pid, and a CPU each. */
static uint64_t pid_key(uint64_t pid, uint32_t cpu)
{
	return pid ? pid : 1ull << 40 | cpu;
}

static void name_task(struct profile *p, struct profile_task *t)
{
	if (!t->pid)
		snprintf(t->comm, sizeof(t->comm), "swapper/%u", t->cpu);
	else
		snprintf(t->comm, sizeof(t->comm), "%s", event_db_comm(p->db, t->pid));
}

static int task_of(struct profile *p, enum profile_owner owner, int pid, uint32_t cpu, uint32_t *ret)
{
	struct profile_task t = { .owner = owner, .pid = pid, .cpu = cpu };
	uint64_t key = owner == PROFILE_TASK ? pid_key((uint32_t)pid, cpu) : cpu;

	if (map_get(&p->task_of, owner, key, ret))
		return 0;
	if (owner == PROFILE_TASK)
		name_task(p, &t);
	*ret = p->tasks.nr;
	return vec_push(&p->tasks, t) || map_set(&p->task_of, owner, key, *ret) ? -ENOMEM : 0;
}

/* A switch tells the name of that moment; the file's list may lack it, or have an older one. */
static void learn_name(struct profile *p, const struct tep_format_field *field, uint32_t task,
		       const struct event_record *rec)
{
	char comm[TASK_COMM_MAX + 1] = "";

	if (!field || !p->tasks.v[task].pid || field->offset < 0 || field->size < 1 ||
	    field->size > TASK_COMM_MAX || (uint32_t)field->offset > rec->len ||
	    (uint32_t)field->size > rec->len - field->offset)
		return;
	memcpy(comm, (const char *)rec->data + field->offset, field->size);
	memcpy(p->tasks.v[task].comm, comm, sizeof(comm));
}

/* ---- accounts -------------------------------------------------------------------- */

int profile_account(struct profile *p, uint32_t task, uint32_t pair, int id, uint64_t value,
		    uint32_t *ret)
{
	struct profile_account a = {
		.task = task, .pair = pair, .id = id, .value = value, .stacks = PROFILE_NONE,
	};
	uint64_t key = (uint64_t)task << 32 | (pair == PROFILE_NONE ? (uint32_t)id : 1u << 31 | pair);

	if (map_get(&p->account_of, key, value, ret))
		return 0;
	*ret = PROFILE_NONE;
	if (p->accounts.nr >= PROFILE_MAX) {
		profile_tell_full(p);
		return 0;
	}
	if (vec_push(&p->accounts, a) || map_set(&p->account_of, key, value, p->accounts.nr - 1))
		return -ENOMEM;
	*ret = p->accounts.nr - 1;
	return 0;
}

static int count_event(struct profile *p, const struct profile_kind *k, int id, uint32_t task,
		       const struct event_record *rec, struct profile_cpu *cpu)
{
	uint64_t value = 0;
	int r;

	if (k->first)
		event_field_number(k->first, rec, &value);
	r = profile_account(p, task, PROFILE_NONE, id, value, &cpu->account);
	if (!r && cpu->account != PROFILE_NONE)
		p->accounts.v[cpu->account].sum.nr++;
	return r;
}

/* ---- starts and ends --------------------------------------------------------------- */

/* Where the starts of a pair wait: each CPU or task for itself, or all together. */
static uint64_t waiting_room(const struct profile_pair *pair, uint32_t nr, int pid, uint32_t cpu)
{
	uint64_t owner = pair->per_cpu ? cpu : pair->per_task ? pid_key((uint32_t)pid, cpu) : 0;

	return (uint64_t)nr << 44 | owner;
}

static void free_start(struct profile *p, uint32_t i)
{
	p->starts.v[i].serial = 0;
	p->starts.v[i].stack_len = 0;
	p->starts.v[i].below = p->free_start;
	p->free_start = i;
}

static int new_start(struct profile *p, uint32_t *ret)
{
	if (p->free_start != PROFILE_NONE) {
		*ret = p->free_start;
		p->free_start = p->starts.v[*ret].below;
		return 0;
	}
	*ret = PROFILE_NONE;
	if (p->starts.nr >= PROFILE_MAX) {
		profile_tell_full(p);
		return 0;
	}
	if (vec_push(&p->starts, (struct profile_start){ 0 }))
		return -ENOMEM;
	*ret = p->starts.nr - 1;
	return 0;
}

static bool has_run(const struct profile *p, uint64_t pid, uint32_t cpu)
{
	uint32_t i;

	return map_get(&p->task_of, PROFILE_TASK, pid_key(pid, cpu), &i) && p->tasks.v[i].has_run;
}

/* A start of what nests waits on top of an earlier one of the same key; of others one waits. */
static int begin(struct profile *p, uint32_t nr, uint32_t running, const struct event_record *rec,
		 struct profile_cpu *cpu)
{
	const struct profile_pair *pair = &p->pairs.v[nr];
	uint64_t key, room = waiting_room(pair, nr, cpu->pid, rec->cpu), pid = 0;
	uint32_t below = PROFILE_NONE, i;
	struct profile_start *s;
	struct profile_start new = { .cpu = rec->cpu, .ts = rec->ts, .serial = p->serial,
				     .task = running };
	int r = 0;

	if (pair->pid_field && !event_field_number(pair->pid_field, rec, &pid))
		return 0;
	if (pair->of_known && !has_run(p, (uint32_t)pid, rec->cpu))
		return 0;
	if (!event_field_number(pair->start_field, rec, &key) ||
	    !event_field_number(pair->value_field, rec, &new.value))
		return 0;
	if (pair->value == PROFILE_STATE)
		new.value = profile_state(p, new.value);
	if (pair->global)
		r = task_of(p, PROFILE_GLOBAL, 0, 0, &new.task);
	else if (pair->irq && p->opts.global_irqs)
		r = task_of(p, PROFILE_CPU, 0, rec->cpu, &new.task);
	else if (pair->pid_field)
		r = task_of(p, PROFILE_TASK, (int)pid, rec->cpu, &new.task);
	if (r)
		return r;
	if (pair->by_pid)
		key = pid_key((uint32_t)key, rec->cpu);
	if (map_get(&p->start_of, room, key, &below) && !pair->nests) {
		if (pair->keeps_first)
			return 0;
		i = below;
		below = PROFILE_NONE;
	} else {
		r = new_start(p, &i);
		if (!r && i != PROFILE_NONE)
			r = map_set(&p->start_of, room, key, i);
		if (r || i == PROFILE_NONE)
			return r;
	}
	s = &p->starts.v[i];
	new.below = below;
	new.stack = s->stack;
	new.stack_room = s->stack_room;
	*s = new;
	if (cpu->nr_starts < PROFILE_STARTS_MAX)
		cpu->starts[cpu->nr_starts++] = i;
	return 0;
}

/* What began before something was lost on its CPU may have ended there unseen. */
static bool is_stale(const struct profile *p, const struct profile_start *s, uint32_t end_cpu)
{
	return p->cpus.v[s->cpu].lost > s->serial || p->cpus.v[end_cpu].lost > s->serial;
}

/* Takes the start away; its key's next one is that below it. */
static int drop(struct profile *p, uint64_t room, uint64_t key, uint32_t i)
{
	uint32_t below = p->starts.v[i].below;
	int r = 0;

	if (below == PROFILE_NONE)
		map_remove(&p->start_of, room, key);
	else
		r = map_set(&p->start_of, room, key, below);
	free_start(p, i);
	return r;
}

static int end(struct profile *p, uint32_t nr, const struct event_record *rec, int id,
	       struct profile_cpu *cpu)
{
	const struct profile_pair *pair = &p->pairs.v[nr];
	bool wakeup = id == pair->wakeup_id;
	uint64_t key, room = waiting_room(pair, nr, cpu->pid, rec->cpu), delta;
	struct profile_start *s;
	uint32_t i, account;
	int r = 0;

	if (!event_field_number(wakeup ? pair->wakeup_field : pair->end_field, rec, &key))
		return 0;
	if (pair->by_pid)
		key = pid_key((uint32_t)key, rec->cpu);
	if (!map_get(&p->start_of, room, key, &i))
		return 0;
	s = &p->starts.v[i];
	if (!is_stale(p, s, rec->cpu) && rec->ts >= s->ts) {
		delta = rec->ts - s->ts;
		r = profile_account(p, s->task, nr, pair->start_id, s->value, &account);
		if (!r && account != PROFILE_NONE) {
			profile_sum_add(&p->accounts.v[account].sum, delta, rec->ts);
			if (s->stack_len)
				r = profile_add_stack(p, account, s->stack, s->stack_len, delta,
						      s->stack_ts);
		}
	}
	return r ? r : drop(p, room, key, i);
}

/* ---- stacks ------------------------------------------------------------------------ */

static int keep_stack(struct profile *p, struct profile_start *s, uint64_t ts)
{
	if (p->frames.nr > s->stack_room) {
		uint64_t *more = realloc(s->stack, p->frames.nr * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->stack = more;
		s->stack_room = p->frames.nr;
	}
	memcpy(s->stack, p->frames.v, p->frames.nr * sizeof(*s->stack));
	s->stack_len = p->frames.nr;
	s->stack_ts = ts;
	return 0;
}

/* A stack belongs to the record right before it on its CPU. */
static int note_stack(struct profile *p, const struct event_record *rec, struct profile_cpu *cpu,
		      int pid)
{
	int r = 0;

	if (cpu->pid != pid || !profile_read_stack(p, rec))
		return 0;
	for (uint32_t i = 0; i < cpu->nr_starts && !r; i++)
		if (p->starts.v[cpu->starts[i]].serial == cpu->serial)
			r = keep_stack(p, &p->starts.v[cpu->starts[i]], rec->ts);
	if (!r && cpu->account != PROFILE_NONE)
		r = profile_add_stack(p, cpu->account, p->frames.v, p->frames.nr, 0, rec->ts);
	return r;
}

/* ---- a record ------------------------------------------------------------------------ */

/* A task that runs waits for no CPU, whenever it was woken. */
static void forget_wakeup(struct profile *p, uint64_t pid, uint32_t cpu)
{
	uint64_t room, key = pid_key(pid, cpu);
	uint32_t i;

	if (p->wakeup_pair == PROFILE_NONE)
		return;
	room = waiting_room(&p->pairs.v[p->wakeup_pair], p->wakeup_pair, 0, cpu);
	if (map_get(&p->start_of, room, key, &i))
		drop(p, room, key, i);
}

static int take_switch(struct profile *p, const struct event_record *rec, uint32_t running)
{
	uint64_t next;
	uint32_t task;

	forget_wakeup(p, (uint32_t)p->tasks.v[running].pid, rec->cpu);
	learn_name(p, p->prev_comm, running, rec);
	if (!p->next_pid || !event_field_number(p->next_pid, rec, &next))
		return 0;
	if (task_of(p, PROFILE_TASK, (int)next, rec->cpu, &task))
		return -ENOMEM;
	p->tasks.v[task].has_run = true;
	learn_name(p, p->next_comm, task, rec);
	return 0;
}

static int take(struct profile *p, const struct event_record *rec)
{
	int id = event_db_record_id(p->db, rec->data, rec->len);
	int pid = event_db_record_pid(p->db, rec->data, rec->len);
	struct profile_kind *k = id < 0 || id >= PROFILE_IDS ? NULL : profile_kind(p, id);
	struct profile_cpu *cpu = &p->cpus.v[rec->cpu];
	uint32_t task;
	int r;

	if (!k || !k->event || pid < 0)
		return 0;
	if (k->is_stack)
		return note_stack(p, rec, cpu, pid);
	cpu->account = PROFILE_NONE;
	cpu->nr_starts = 0;
	cpu->serial = p->serial;
	cpu->pid = pid;
	r = task_of(p, PROFILE_TASK, pid, rec->cpu, &task);
	if (!r)
		p->tasks.v[task].has_run = true;
	if (!r && k->is_switch)
		r = take_switch(p, rec, task);
	for (size_t i = 0; i < k->ends.nr && !r; i++)
		r = end(p, k->ends.v[i], rec, id, cpu);
	for (size_t i = 0; i < k->starts.nr && !r; i++)
		r = begin(p, k->starts.v[i], task, rec, cpu);
	if (!r && k->counted)
		r = count_event(p, k, id, task, rec, cpu);
	return r;
}

/* The CPU's place; NULL for one that no machine has, *r: whether there is no memory. */
static struct profile_cpu *cpu_of(struct profile *p, uint32_t cpu, int *r)
{
	*r = 0;
	if (cpu >= CPUS_MAX)
		return NULL;
	while (p->cpus.nr <= cpu && !*r)
		*r = vec_push(&p->cpus, ((struct profile_cpu){ .account = PROFILE_NONE }));
	return *r ? NULL : &p->cpus.v[cpu];
}

int profile_record(struct profile *p, const struct event_record *rec, struct err *e)
{
	int r;

	p->serial++;
	if (cpu_of(p, rec->cpu, &r))
		r = take(p, rec);
	return r ? err_set(e, r, "out of memory") : 0;
}

void profile_lost(struct profile *p, uint32_t cpu)
{
	int r;
	struct profile_cpu *c = cpu_of(p, cpu, &r);

	if (c)
		c->lost = p->serial + 1;
}
