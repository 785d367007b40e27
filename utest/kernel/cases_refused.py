# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad definitions of probes: each error class of the kernel's parsers (kernel/trace/trace_probe.h and
trace_events_synth.c of Linux 6.12), whoever finds it, tracecmd or the kernel."""

import os

from kernel.cases import case
from kernel.cases_probe import refused

# Error class, definition with '^' in front of the place, words of the reason. W is the workload, STEP the place of its
# function in the file. Classes that cannot be met: DIFF_PROBE_TYPE, DIFF_ARG_TYPE and SAME_PROBE (a name is given once),
# NOSUP_BTFARG and NO_BTF_ENTRY (this kernel has types), BAD_BTF_TID, and NO_TRACEPOINT, which 6.12 takes and waits for.
LONG = "N" * 70
BAD = (
    ("FILE_NOT_FOUND", "p:tc/x ^/nonexistent/x:main", "No such file"),
    ("NO_REGULAR_FILE", "p:tc/x ^/etc:readline", "is a folder"),
    ("NO_REGULAR_FILE", "p:tc/x ^/dev/null:main", "no ELF file"),
    ("BAD_REFCNT", "p:tc/x W:STEP(^zz)", "Invalid reference counter offset"),
    ("REFCNT_OPEN_BRACE", "p:tc/x W:STEP(0x10^", "Reference counter brace is not closed"),
    ("BAD_REFCNT_SUFFIX", "p:tc/x W:STEP(0x10)^x", "Reference counter has wrong suffix"),
    ("BAD_UPROBE_OFFS", "p:tc/x ^W:0x", "no offset in a program"),
    ("BAD_UPROBE_OFFS", "p:tc/x ^W:workload_step+zz", "no offset behind a symbol"),
    ("BAD_UPROBE_OFFS", "p:tc/x ^W:0xfffffffffff", "nothing that is run"),
    ("BAD_UPROBE_OFFS", "p:tc/x ^W:nosuch_symbol", "has no function 'nosuch_symbol'"),
    ("BAD_UPROBE_OFFS", "r:tc/x ^W:workload_step+1", "no offset belongs here"),
    ("BAD_MAXACT_TYPE", "p^10:tc/x vfs_read", "only the returns"),
    ("BAD_MAXACT", "r^99999999999999999999:tc/x vfs_read", "Invalid maxactive number"),
    ("BAD_MAXACT", "^rx1:tc/x vfs_read", "this is no kind of event"),
    ("MAXACT_TOO_BIG", "r^5000:tc/x vfs_read", "Maxactive is too big"),
    ("BAD_PROBE_ADDR", "p:tc/x ^vfs_raed", "did you mean 'vfs_read'"),
    ("BAD_PROBE_ADDR", "p:tc/x ^vfs_read+99999999999999999999", "Invalid probed address or symbol"),
    ("BAD_PROBE_ADDR", "p:tc/x vfs_read^-1", "not part of a function's name"),
    ("BAD_PROBE_ADDR", "p:tc/x vfs_read+^", "has to be a number"),
    ("BAD_PROBE_ADDR", "p:tc/x^", "the place is missing"),
    ("FAIL_REG_PROBE", "f:tc/x ^vfs_raed", "Failed to register probe event"),
    ("FAIL_REG_PROBE", "p:tc/x ^notifier_call_chain", "Failed to register probe event"),
    ("NON_UNIQ_SYMBOL", "p:tc/x ^name_show", "The symbol is not unique"),
    ("BAD_RETPROBE", "r:tc/x ^vfs_read+8", "must be an function entry"),
    ("BAD_TP_NAME", "t:tc/x ^sched-switch", "name of a tracepoint"),
    ("BAD_ADDR_SUFFIX", "p:tc/x vfs_read^%foo", "Invalid probed address suffix"),
    ("BAD_ADDR_SUFFIX", "f:tc/x vfs_read^%foo", "Invalid probed address suffix"),
    ("BAD_ADDR_SUFFIX", "p:tc/x ^W:STEP%foo", "no place in a program"),
    ("NO_GROUP_NAME", "p:^/x vfs_read", "a group's name"),
    ("GROUP_TOO_LONG", f"p:^{LONG}/x vfs_read", "63 letters"),
    ("BAD_GROUP_NAME", "p:^t-c/x vfs_read", "a group's name"),
    ("NO_EVENT_NAME", "s:^ u64 a", "needs a name"),
    ("EVENT_TOO_LONG", f"p:tc/^{LONG} vfs_read", "63 letters"),
    ("BAD_EVENT_NAME", "p:tc/^x-y vfs_read", "an event's name"),
    ("EVENT_EXIST", "p:sched/^sched_switch vfs_read", "already"),
    ("RETVAL_ON_PROBE", "p:tc/x vfs_read ^$retval", "$retval is not available on probe"),
    ("NO_RETVAL", "r:tc/x schedule ^$retval", "returns 'void' type"),
    ("BAD_STACK_NUM", "p:tc/x vfs_read ^$stack99999", "Invalid stack number"),
    ("BAD_ARG_NUM", "p:tc/x vfs_read ^$arg0", "Invalid argument number"),
    ("BAD_VAR", "p:tc/x vfs_read ^$nosuch", "Invalid $-variable"),
    ("BAD_REG_NAME", "p:tc/x vfs_read ^%nosuch", "Invalid register name"),
    ("BAD_MEM_ADDR", "p:tc/x vfs_read @^0xzz", "the address has to be a number"),
    ("BAD_IMM", "p:tc/x vfs_read \\^x", "has to be a number"),
    ("BAD_IMM", "p:tc/x vfs_read \\^99999999999999999999999", "has to be a number"),
    ("IMMSTR_NO_CLOSE", "p:tc/x vfs_read \\^\"text", "no second"),
    ("FILE_ON_KPROBE", "p:tc/x vfs_read ^@+16", "not available with kprobe"),
    ("BAD_FILE_OFFS", "p:tc/x W:workload_step @+^zz", "offset in the file has to be a number"),
    ("SYM_ON_UPROBE", "p:tc/x W:workload_step ^@jiffies", "not available with uprobe"),
    ("ARG_TOO_LONG", "p:tc/x vfs_read ^" + "+0(" * 20 + "%di" + ")" * 20, "Argument expression is too long"),
    ("DEREF_NEED_BRACE", "p:tc/x vfs_read +8^", "needs '('"),
    ("BAD_DEREF_OFFS", "p:tc/x vfs_read +^x(%di)", "has to be a number"),
    ("DEREF_OPEN_BRACE", "p:tc/x vfs_read +8^(%di", "is not closed"),
    ("COMM_CANT_DEREF", "p:tc/x vfs_read +0(^$comm)", "can not be dereferenced"),
    ("BAD_FETCH_ARG", "p:tc/x vfs_read ^(%di)", "cannot begin what is fetched"),
    ("ARRAY_NO_CLOSE", "p:tc/x vfs_read %di:u8[4^", "']' is expected"),
    ("BAD_ARRAY_SUFFIX", "p:tc/x vfs_read %di:u8[4]^x", "should end here"),
    ("BAD_ARRAY_NUM", "p:tc/x vfs_read +0(%di):u8[^0]", "Invalid array size"),
    ("BAD_ARRAY_NUM", "p:tc/x vfs_read +0(%di):u8[^x]", "has to be a number"),
    ("ARRAY_TOO_BIG", "p:tc/x vfs_read +0(%di):u8[^999]", "Array number is too big"),
    ("BAD_TYPE", "p:tc/x vfs_read %di:^u7", "Unknown type"),
    ("BAD_TYPE", "p:tc/x vfs_read %di:^", "a type is missing"),
    ("BAD_STRING", "p:tc/x vfs_read %di:^string", "String accepts only memory argument"),
    ("BAD_SYMSTRING", "p:tc/x W:workload_step %di:^symstr", "Unknown type"),
    ("BAD_BITFIELD", "p:tc/x vfs_read %di:^b65@0/64", "Invalid bitfield"),
    ("ARG_NAME_TOO_LONG", f"p:tc/x vfs_read ^{LONG}=%di", "31 letters"),
    ("NO_ARG_NAME", "p:tc/x vfs_read ^=%di", "an argument's name"),
    ("BAD_ARG_NAME", "p:tc/x vfs_read ^a-b=%di", "an argument's name"),
    ("USED_ARG_NAME", "p:tc/x vfs_read a=%di ^a=%si", "already used"),
    ("NO_ARG_BODY", "p:tc/x vfs_read a=^", "what is to be fetched is missing"),
    ("BAD_INSN_BNDRY", "p:tc/x ^vfs_read+1", "not an instruction boundary"),
    ("BAD_INSN_BNDRY", "p:tc/x ^W:workload_step+1", "no instruction begins"),
    ("NO_EVENT_INFO", "e:tc/x ^sched_switch", "SYSTEM.EVENT"),
    ("BAD_ATTACH_EVENT", "e:tc/x ^sched.sched_swich", "did you mean 'sched.sched_switch'"),
    ("BAD_ATTACH_ARG", "e:tc/x sched.sched_switch ^$prev_pdi", "did you mean 'prev_pid'"),
    ("NO_EP_FILTER", "e:tc/x sched.sched_switch if^", "a filter is missing"),
    ("NO_BTFARG", "p:tc/x vfs_read ^cuont", "did you mean 'count'"),
    ("NO_BTFARG", "p:tc/x vfs_read ^nosuch->f_pos", "not found at this probe point"),
    ("ARGIDX_2BIG", "f:tc/x vfs_read ^$arg99", "not found at this probe point"),
    ("BAD_VAR_ARGS", "p:tc/x vfs_read a=^$arg*", "Invalid $-variable"),
    ("NOFENTRY_ARGS", "p:tc/x vfs_read+5 ^$arg*", "only on function entry or exit"),
    ("DOUBLE_ARGS", "f:tc/x vfs_read $arg* ^$arg*", "only once"),
    ("NO_PTR_STRCT", "f:tc/x vfs_read count->^x", "not a pointer to union/structure"),
    ("NOSUP_DAT_ARG", "f:tc/x vfs_read file.^f_pos", "is not supported"),
    ("BAD_HYPHEN", "f:tc/x vfs_read file^-f_pos", "should end here"),
    ("NO_BTF_FIELD", "f:tc/x vfs_read file->^nosuch", "This field is not found"),
    ("BAD_TYPE4STR", "f:tc/x vfs_read ^count:string", "does not fit for string"),
    ("NEED_STRING_TYPE", "p:tc/x vfs_read $comm:^u8", "only accepts string type"),
    ("SYNTH_INVALID_CMD", "^s:synthetic/tc_x u64", "Command must be of the form"),
    ("SYNTH_INVALID_CMD", "s:tc_x^", "needs a field"),
    ("SYNTH_INVALID_TYPE", "s:tc_x ^foo a", "Invalid type"),
    ("SYNTH_BAD_NAME", "s:tc_x u64 ^a-b", "Illegal name"),
    ("SYNTH_BAD_NAME", "s:^tc-x u64 a", "an event's name"),
    ("SYNTH_INVALID_ARRAY_SPEC", "s:tc_x char ^a[x]", "Invalid array specification"),
)


def under_caret(stderr):
    """What the caret stands under, of the first that is shown."""
    lines = stderr.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip() == "^")
    return lines[at - 1][lines[at].index("^"):]


# the kernel that has all of it
@case(kernels=("custom",))
def bad_definitions(g):
    assert len(BAD) >= 60
    log = g.read("error_log")
    for name, marked, words in BAD:
        marked = marked.replace("W:", f"{g.workload}:").replace("STEP", os.environ["WORKLOAD_STEP"])
        place = marked.index("^")
        text = refused(g, marked[:place] + marked[place + 1:])
        rest = marked[place + 1:place + 13]
        shown = under_caret(text)
        assert words in text and (shown.startswith(rest) if rest else not shown), f"{name} '{marked}':\n{text}"
    assert g.read("error_log") == log
