// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>
#include <stdlib.h>

#include "event/match_prog.h"

struct string { const char *s; size_t len; };

/* ---- numbers ------------------------------------------------------------------------ */

/* -1, 0, 1 where one of them has no sign. */
static int compare_mixed(bool left_unsigned, uint64_t a, uint64_t b)
{
	if (left_unsigned && (int64_t)b < 0)
		return 1;
	if (!left_unsigned && (int64_t)a < 0)
		return -1;
	return (a > b) - (a < b);
}

static inline bool related(unsigned relation, bool left_unsigned, uint64_t a, uint64_t b)
{
	switch (relation) {
	case IS_EQ:
		return a == b;
	case IS_NE:
		return a != b;
	case IS_LT:
		return (int64_t)a < (int64_t)b;
	case IS_GT:
		return (int64_t)a > (int64_t)b;
	case IS_LE:
		return (int64_t)a <= (int64_t)b;
	case IS_GE:
		return (int64_t)a >= (int64_t)b;
	case IS_ULT:
		return a < b;
	case IS_UGT:
		return a > b;
	case IS_ULE:
		return a <= b;
	case IS_UGE:
		return a >= b;
	case IS_MIXED_LT:
		return compare_mixed(left_unsigned, a, b) < 0;
	case IS_MIXED_GT:
		return compare_mixed(left_unsigned, a, b) > 0;
	case IS_MIXED_LE:
		return compare_mixed(left_unsigned, a, b) <= 0;
	default:
		return compare_mixed(left_unsigned, a, b) >= 0;
	}
}

bool match_related(enum match_relation relation, bool left_unsigned, uint64_t a, uint64_t b)
{
	return related(relation, left_unsigned, a, b);
}

static bool divide(bool mod, int64_t a, int64_t b, uint64_t *ret)
{
	if (b == -1)		/* the smallest number has no positive one */
		*ret = mod ? 0 : -(uint64_t)a;
	else
		*ret = mod ? a % b : a / b;
	return true;
}

static inline bool arithmetic(unsigned op, uint64_t a, uint64_t b, uint64_t *ret)
{
	if ((op >= OP_SHIFT_LEFT && op <= OP_SHIFT_RIGHT_SIGNED && b > 63) || (op >= OP_DIV && !b))
		return false;
	switch (op) {
	case OP_BIT_OR:
		*ret = a | b;
		return true;
	case OP_BIT_XOR:
		*ret = a ^ b;
		return true;
	case OP_BIT_AND:
		*ret = a & b;
		return true;
	case OP_SHIFT_LEFT:
		*ret = a << b;
		return true;
	case OP_SHIFT_RIGHT:
		*ret = a >> b;
		return true;
	case OP_SHIFT_RIGHT_SIGNED:
		*ret = (int64_t)a >> b;
		return true;
	case OP_ADD:
		*ret = a + b;
		return true;
	case OP_SUB:
		*ret = a - b;
		return true;
	case OP_MUL:
		*ret = a * b;
		return true;
	case OP_DIV:
		*ret = a / b;
		return true;
	case OP_MOD:
		*ret = a % b;
		return true;
	default:
		return divide(op == OP_MOD_SIGNED, a, b, ret);
	}
}

bool match_arithmetic(enum match_code op, uint64_t a, uint64_t b, uint64_t *ret)
{
	return arithmetic(op, a, b, ret);
}

/* ---- fields --------------------------------------------------------------------------- */

/* False if the record does not reach to it. */
static inline bool load(const struct match_op *op, bool big, const struct event_record *rec,
			uint64_t *ret)
{
	const uint8_t *at = (const uint8_t *)rec->data + op->offset;
	uint32_t half;
	uint64_t v;

	if (op->end > rec->len)
		return false;
	switch (op->size) {
	case 4:
		half = get_u32(at, big);
		*ret = op->is_signed ? (uint64_t)(int32_t)half : half;
		return true;
	case 8:
		*ret = get_u64(at, big);
		return true;
	case 2:
		v = get_u16(at, big);
		*ret = op->is_signed ? (uint64_t)(int16_t)v : v;
		return true;
	default:
		*ret = op->is_signed ? (uint64_t)(int8_t)*at : *at;
		return true;
	}
}

/* Where the word at hand says a dynamic array is; false: not in the record. */
static bool dynamic(const struct match_op *op, uint32_t word, const struct event_record *rec,
		    struct string *ret)
{
	uint32_t offset = (word & 0xffff) + (op->relative ? op->end : 0), len = word >> 16;

	if (offset > rec->len || len > rec->len - offset)
		return false;
	*ret = (struct string){ (const char *)rec->data + offset, len };
	return true;
}

static bool load_dynamic(const struct match_op *op, bool big, const struct event_record *rec,
			 struct string *ret)
{
	const uint8_t *at = (const uint8_t *)rec->data + op->offset;

	if (op->end > rec->len || !dynamic(op, get_u32(at, big), rec, ret))
		return false;
	ret->len = strnlen(ret->s, ret->len);
	return true;
}

static bool load_string(const struct match_op *op, const struct event_record *rec, struct string *ret)
{
	const char *s = (const char *)rec->data + op->offset;

	if (op->end > rec->len)
		return false;
	*ret = (struct string){ s, strnlen(s, op->code == OP_REST ? rec->len - op->offset :
					      op->end - op->offset) };
	return true;
}

static bool in_set(const struct match_set *set, int64_t v)
{
	size_t from = 0, to = set->nr;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (set->v[mid] == v)
			return true;
		if (set->v[mid] < v)
			from = mid + 1;
		else
			to = mid;
	}
	return false;
}

/* ---- strings ---------------------------------------------------------------------------- */

static bool strings_related(unsigned relation, const struct string *a, const struct string *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int r;

	if (relation <= IS_NE && a->len != b->len)
		return relation == IS_NE;
	r = len ? memcmp(a->s, b->s, len) : 0;
	if (!r)
		r = (a->len > b->len) - (a->len < b->len);
	return related(relation, false, (int64_t)r, 0);
}

static char small_letter(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool same_letters(const char *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (small_letter(s[i]) != small_letter(text[i]))
			return false;
	return true;
}

static bool literal_matches(const struct match_op *op, const struct string *s)
{
	size_t last = s->len - op->len;

	if (s->len < op->len || (op->at_start && op->at_end && last))
		return false;
	for (size_t i = op->at_end ? last : 0; i <= (op->at_start ? 0 : last); i++)
		if (same_letters(s->s + i, op->text, op->len))
			return true;
	return false;
}

/* regexec() wants a string that ends. */
static bool regex_matches(const regex_t *regex, const struct string *s)
{
	char small[256], *text = s->len < sizeof(small) ? small : malloc(s->len + 1);
	bool matches;

	if (!text)
		return false;
	memcpy(text, s->s, s->len);
	text[s->len] = 0;
	matches = !regexec(regex, text, 0, NULL, 0);
	if (text != small)
		free(text);
	return matches;
}

static void set_comm(struct event_db *db, const struct event_record *rec, struct string *ret)
{
	ret->s = event_db_comm(db, event_db_record_pid(db, rec->data, rec->len));
	ret->len = strlen(ret->s);
}

#define WORD_BYTES 20

/* A number that is compared with a string: a function's name, or hex. */
static void set_word(struct event_db *db, uint64_t number, char *word, struct string *ret)
{
	ret->s = event_db_symbol(db, number, NULL, NULL);
	if (!ret->s) {
		snprintf(word, WORD_BYTES, "0x%llx", (unsigned long long)number);
		ret->s = word;
	}
	ret->len = strlen(ret->s);
}

/* ---- programs ------------------------------------------------------------------------------ */

bool match_run(const struct match_prog *p, struct event_db *db, const struct event_record *rec)
{
	const struct match_op *op = p->ops;
	struct string slots[2] = { { "", 0 }, { "", 0 } }, unused;
	uint64_t regs[p->nr_regs], v;
	char word[WORD_BYTES];
	bool yes;

	for (;;) {
		/* branches */
		switch (op->code) {
		case OP_RETURN:
			return op->number;
		case OP_JUMP:
			yes = true;
			break;
		case OP_FIELD_IS:
			yes = load(op, p->big_endian, rec, &v) &&
			      related(op->relation, op->left_unsigned, v, op->number);
			break;
		case OP_FIELD_IN:
			yes = load(op, p->big_endian, rec, &v) && in_set(op->set, v);
			break;
		case OP_NUMBERS:
			yes = related(op->relation, op->left_unsigned, regs[op->a],
				      op->by_number ? op->number : regs[op->b]);
			break;
		case OP_STRINGS:
			yes = strings_related(op->relation, &slots[0], &slots[1]);
			break;
		case OP_TRUE_NUMBER:
			yes = regs[op->a];
			break;
		case OP_TRUE_STRING:
			yes = slots[0].len;
			break;
		case OP_REGEX:
			yes = regex_matches(op->regex, &slots[0]);
			break;
		case OP_LITERAL:
			yes = literal_matches(op, &slots[0]);
			break;
		default:
			goto value;
		}
		op = p->ops + (yes ? op->yes : op->no);
		continue;
value:
		yes = true;		/* there is a value */
		switch (op->code) {
		case OP_NUMBER:
			regs[op->a] = op->number;
			break;
		case OP_FIELD:
			yes = load(op, p->big_endian, rec, &regs[op->a]);
			break;
		case OP_LOCATION:
			yes = load(op, p->big_endian, rec, &regs[op->a]) &&
			      dynamic(op, regs[op->a], rec, &unused);
			break;
		case OP_CPU:
			regs[op->a] = rec->cpu;
			break;
		case OP_INVERT:
			regs[op->a] = ~regs[op->a];
			break;
		case OP_NEGATE:
			regs[op->a] = -regs[op->a];
			break;
		case OP_TEXT:
			slots[op->slot] = (struct string){ op->text, op->len };
			break;
		case OP_STRING:
		case OP_REST:
			yes = load_string(op, rec, &slots[op->slot]);
			break;
		case OP_DYNAMIC:
			yes = load_dynamic(op, p->big_endian, rec, &slots[op->slot]);
			break;
		case OP_COMM:
			set_comm(db, rec, &slots[op->slot]);
			break;
		case OP_WORD:
			set_word(db, regs[op->a], word, &slots[op->slot]);
			break;
		default:
			yes = arithmetic(op->code, regs[op->a],
					 op->by_number ? op->number : regs[op->b], &regs[op->a]);
		}
		op = yes ? op + 1 : p->ops + op->no;
	}
}
