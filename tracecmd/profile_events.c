// SPDX-License-Identifier: GPL-2.0-or-later
/* Profile: which events belong together, and what their values are called. */
#include <errno.h>
#include <stdlib.h>

#include "profile_inside.h"

/* The pairs that every profile looks for. */
static const struct builtin {
	const char *system, *start, *start_field, *end, *end_field;
	const char *pid_field, *value_field;	/* NULL: none; as start_field */
	enum profile_value value;
	bool by_pid, per_task, per_cpu, irq, nests, keeps_first, of_known;
	int rank;
} builtins[] = {
	{ "sched", "sched_switch", "prev_pid", "sched_switch", "next_pid", "prev_pid", "prev_state",
	  PROFILE_STATE, .by_pid = true, .rank = 2 },
	{ "sched", "sched_wakeup", "pid", "sched_switch", "next_pid", "pid", NULL, PROFILE_HEX,
	  .by_pid = true, .of_known = true, .rank = 1 },
	{ "irq", "irq_handler_entry", "irq", "irq_handler_exit", "irq", NULL, NULL, PROFILE_HEX,
	  .per_cpu = true, .irq = true },
	{ "irq", "softirq_entry", "vec", "softirq_exit", "vec", NULL, NULL, PROFILE_SOFTIRQ,
	  .per_cpu = true, .irq = true },
	{ "irq", "softirq_raise", "vec", "softirq_entry", "vec", NULL, NULL, PROFILE_SOFTIRQ,
	  .per_cpu = true, .irq = true, .keeps_first = true },
	{ "ftrace", "funcgraph_entry", "func", "funcgraph_exit", "func", NULL, NULL,
	  PROFILE_FUNCTION, .per_task = true, .nests = true },
	{ "ftrace", "fgraph_retaddr_entry", "func", "funcgraph_exit", "func", NULL, NULL,
	  PROFILE_FUNCTION, .per_task = true, .nests = true },
	{ "raw_syscalls", "sys_enter", "id", "sys_exit", "id", NULL, NULL, PROFILE_DEC,
	  .per_task = true },
};

static const char *const softirqs[] = {
	"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU",
};

/* ---- a task's state ---------------------------------------------------------------- */

static const struct tep_print_flag_sym *find_flags(const struct tep_print_arg *arg, int depth)
{
	const struct tep_print_flag_sym *found = NULL;

	for (; arg && !found && depth < 16; arg = arg->next) {
		if (arg->type == TEP_PRINT_FLAGS)
			found = arg->flags.flags;
		else if (arg->type == TEP_PRINT_OP) {
			found = find_flags(arg->op.left, depth + 1);
			if (!found)
				found = find_flags(arg->op.right, depth + 1);
		}
	}
	return found;
}

/* The letters that the recorded kernel itself gives the bits. */
static void find_states(struct profile *p, struct tep_event *event)
{
	static const char *const usual[] = { "S", "D", "T", "t", "X", "Z", "P", "I" };
	const struct tep_print_flag_sym *s = find_flags(event->print_fmt.args, 0);

	for (; s; s = s->next) {
		uint64_t v = strtoull(s->value, NULL, 0);
		int bit = v ? __builtin_ctzll(v) : 64;

		if (bit < (int)ARRAY_SIZE(p->states) && v == 1ull << bit) {
			p->states[bit] = s->str;
			p->state_mask |= v;
		}
	}
	if (p->state_mask)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		p->states[i] = usual[i];
	p->state_mask = (1 << ARRAY_SIZE(usual)) - 1;
}

uint64_t profile_state(const struct profile *p, uint64_t prev_state)
{
	uint64_t state = prev_state & p->state_mask;

	if (state)
		return state & -state;
	return prev_state ? PROFILE_STATE_PREEMPTED : 0;
}

static const char *state_name(const struct profile *p, uint64_t state)
{
	if (state == PROFILE_STATE_PREEMPTED)
		return "R+";
	return state ? p->states[__builtin_ctzll(state)] : "R";
}

/* ---- pairs -------------------------------------------------------------------------- */

static int join(struct profile *p, const struct profile_pair *pair)
{
	if (vec_push(&p->pairs, *pair) ||
	    vec_push(&p->kinds[pair->start_id].starts, (uint32_t)(p->pairs.nr - 1)) ||
	    vec_push(&p->kinds[pair->end_id].ends, (uint32_t)(p->pairs.nr - 1)))
		return -ENOMEM;
	if (pair->wakeup_id >= 0)
		return vec_push(&p->kinds[pair->wakeup_id].ends, (uint32_t)(p->pairs.nr - 1));
	return 0;
}

static bool usable(const struct tep_event *event)
{
	return event && event->id >= 0 && event->id < PROFILE_IDS;
}

/* With wake-ups in the file a sleep is the time up to them, the rest is theirs. */
static void end_by_wakeup(struct profile *p, struct profile_pair *pair)
{
	struct tep_event *wakeup = event_db_event_by_name(p->db, "sched", "sched_wakeup");

	if (!usable(wakeup))
		return;
	pair->wakeup_field = tep_find_field(wakeup, "pid");
	if (pair->wakeup_field)
		pair->wakeup_id = wakeup->id;
}

static int add_builtin(struct profile *p, const struct builtin *b)
{
	struct tep_event *start = event_db_event_by_name(p->db, b->system, b->start);
	struct tep_event *end = event_db_event_by_name(p->db, b->system, b->end);
	struct profile_pair pair = {
		.value = b->value, .by_pid = b->by_pid, .per_task = b->per_task,
		.per_cpu = b->per_cpu, .irq = b->irq, 
		.nests = b->nests, .keeps_first = b->keeps_first, .rank = b->rank,
		.wakeup_id = -1, .of_known = b->of_known,
	};

	if (!usable(start) || !usable(end))
		return 0;
	pair.start_id = start->id;
	pair.end_id = end->id;
	pair.start_field = tep_find_field(start, b->start_field);
	pair.end_field = tep_find_field(end, b->end_field);
	pair.value_field = b->value_field ? tep_find_field(start, b->value_field) : pair.start_field;
	pair.pid_field = b->pid_field ? tep_find_field(start, b->pid_field) : NULL;
	if (!pair.start_field || !pair.end_field || !pair.value_field)
		return 0;
	if (b->value == PROFILE_STATE) {
		find_states(p, start);
		end_by_wakeup(p, &pair);
	}
	if (b->of_known)
		p->wakeup_pair = p->pairs.nr;
	return join(p, &pair);
}

/* A field by name; events know those all have ("common_pid") as well. */
static struct tep_format_field *field_of(struct profile *p, const struct profile_hook *h,
					 struct tep_event *event, const char *name)
{
	struct tep_format_field *f = tep_find_any_field(event, name);

	if (!f)
		notice(p->opts.notices, "hook '%s': event '%s' has no field '%s'", h->text,
		       event->name, name);
	return f;
}

static int add_hook(struct profile *p, const struct profile_hook *h)
{
	struct profile_pair pair = { .per_cpu = h->per_cpu, .global = h->global, .wakeup_id = -1 };
	struct tep_event *start = event_db_event_by_name(p->db, h->start_system, h->start_event);
	struct tep_event *end = event_db_event_by_name(p->db, h->end_system, h->end_event);

	if (!usable(start) || !usable(end)) {
		notice(p->opts.notices, "hook '%s': there is no event '%s'", h->text,
		       usable(start) ? h->end_event : h->start_event);
		return 0;
	}
	pair.start_id = start->id;
	pair.end_id = end->id;
	pair.start_field = pair.value_field = field_of(p, h, start, h->start_field);
	pair.end_field = field_of(p, h, end, h->end_field);
	if (h->pid_field)
		pair.pid_field = field_of(p, h, start, h->pid_field);
	if (!pair.start_field || !pair.end_field || (h->pid_field && !pair.pid_field))
		return 0;
	return join(p, &pair);
}

int profile_find_pairs(struct profile *p, struct err *e)
{
	struct tep_event *event;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(builtins) && !r; i++)
		r = add_builtin(p, &builtins[i]);
	for (size_t i = 0; p->opts.hooks && i < p->opts.hooks->nr && !r; i++)
		r = add_hook(p, &p->opts.hooks->v[i]);
	if (r)
		return err_set(e, r, "out of memory");
	event = event_db_event_by_name(p->db, "ftrace", "kernel_stack");
	p->stack_caller = event ? tep_find_field(event, "caller") : NULL;
	event = event_db_event_by_name(p->db, "sched", "sched_switch");
	if (event) {
		p->prev_comm = tep_find_field(event, "prev_comm");
		p->next_comm = tep_find_field(event, "next_comm");
		p->next_pid = tep_find_field(event, "next_pid");
	}
	return 0;
}

/* ---- kinds of events ------------------------------------------------------------------ */

struct profile_kind *profile_kind(struct profile *p, int id)
{
	struct profile_kind *k = &p->kinds[id];
	bool ftrace;

	if (k->known)
		return k;
	k->known = true;
	k->event = event_db_event(p->db, id);
	if (!k->event)
		return k;
	ftrace = !strcmp(k->event->system, "ftrace");
	k->is_stack = ftrace && !strcmp(k->event->name, "kernel_stack");
	k->is_switch = !strcmp(k->event->system, "sched") && !strcmp(k->event->name, "sched_switch");
	/* a new program's name is no time spent */
	k->counted = !k->starts.nr && !k->ends.nr && strcmp(k->event->name, "sched_process_exec") &&
		     !(ftrace && !strcmp(k->event->name, "user_stack"));
	k->first = k->event->format.fields;
	if (ftrace && !strcmp(k->event->name, "function"))
		k->value = PROFILE_FUNCTION;
	return k;
}

static void put_function(struct profile *p, uint64_t addr, struct buf *out)
{
	const char *name = event_db_symbol(p->db, addr, NULL, NULL);

	if (name)
		buf_printf(out, "func: %s()", name);
	else
		buf_printf(out, "func: 0x%llx()", (unsigned long long)addr);
}

void profile_put_value(struct profile *p, const struct profile_account *a, struct buf *out)
{
	const struct profile_kind *k = profile_kind(p, a->id);
	enum profile_value how = a->pair == PROFILE_NONE ? k->value : p->pairs.v[a->pair].value;

	if (how == PROFILE_FUNCTION) {
		put_function(p, a->value, out);
		return;
	}
	buf_printf(out, "%s:", k->event->name);
	if (how == PROFILE_STATE)
		buf_puts(out, state_name(p, a->value));
	else if (how == PROFILE_SOFTIRQ && a->value < ARRAY_SIZE(softirqs))
		buf_puts(out, softirqs[a->value]);
	else
		buf_printf(out, how == PROFILE_DEC ? "%lld" : "0x%llx", (long long)a->value);
}
