#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the seeds of fuzz_formats: real formats, each with records that fit it.

  utest/fuzz/make-formats-corpus.py     into utest/fuzz/corpus/formats/

The formats are those of recordings of real kernels (utest/fixtures); the records
are made from the formats' fields.
"""
import os
import re
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
OUT = f"{HERE}/corpus/formats"
FIXTURES = f"{REPO}/utest/fixtures/traces"

# What a print format can hold, and what plugins and this library print themselves.
WANTED = """sched:sched_switch sched:sched_wakeup irq:irq_handler_entry irq:softirq_entry kmem:kmalloc
kmem:kmem_cache_alloc kmem:mm_page_alloc timer:hrtimer_start timer:hrtimer_init timer:timer_start kvm:kvm_exit
kvm:kvm_entry kvm:kvm_emulate_insn kvm:kvm_page_fault kvm:kvm_mmio kvmmmu:kvm_mmu_get_page raw_syscalls:sys_enter
syscalls:sys_enter_openat syscalls:sys_enter_futex syscalls:sys_exit_openat scsi:scsi_dispatch_cmd_start
jbd2:jbd2_checkpoint tlb:tlb_flush xen:xen_mc_entry net:net_dev_xmit net:netif_rx_entry skb:kfree_skb
sock:inet_sock_set_state tcp:tcp_probe tcp:tcp_retransmit_skb fib:fib_table_lookup block:block_rq_issue
ext4:ext4_da_write_pages writeback:writeback_start 9p:9p_protocol_dump ras:mc_event ras:non_standard_event
hda:hda_send_cmd drm:drm_vblank_event maple_tree:ma_write ipi:ipi_raise ipi:ipi_send_cpumask cgroup:cgroup_mkdir
msr:read_msr power:cpu_idle rcu:rcu_utilization thermal:thermal_temperature mce:mce_record sunrpc:rpc_task_begin
ftrace:function ftrace:funcgraph_entry ftrace:funcgraph_exit ftrace:kernel_stack ftrace:user_stack ftrace:bprint
ftrace:print ftrace:bputs ftrace:raw_data ftrace:func_repeats ftrace:hwlat ftrace:osnoise ftrace:mmiotrace_rw
ftrace:context_switch""".split()
SOURCES = ("all-6.1", "fgraph", "pair", "function", "old-v7")

KALLSYMS = b"ffffffff81000000 T _stext\nffffffff81000100 T vfs_read\t[core]\nffffffff81000200 t $x\nffffffff81000300 A abs\n"
PRINTK = b"0xffffffff82000000 : \"one %d two %s\\n\"\n0xffffffff82000010 : \"%*pbl %pS %llx %c\"\n0xffffffff82000020 : \"x\"\n"
CMDLINES = b"1 init\n100 some task\n"
FILTERS = (b"%s: common_pid == 100 && CPU < 3 || COMM =~ \"^some\"", b".*: !(common_flags & 1) && pid > -1")


def formats():
    found = {}
    for source in SOURCES:
        text = subprocess.run([f"{REPO}/build/tracecmd", "report", "--events", f"{FIXTURES}/{source}.dat"],
                              stdout=subprocess.PIPE, check=True, text=True).stdout
        for part in re.split(r"^\nsystem: ", "\n" + text, flags=re.M)[1:]:
            system, body = part.split("\n", 1)
            name = re.search(r"^name: (.*)$", body, re.M)[1]
            found.setdefault(f"{system}:{name}", body)
    return found


def record(body, value):
    """A record with each field filled, dynamic arrays behind them."""
    number = int(re.search(r"^ID: (\d+)$", body, re.M)[1])
    fields = re.findall(r"field:(.*?);\toffset:(\d+);\tsize:(\d+);", body)
    end = max(int(offset) + int(size) for _, offset, size in fields)
    data, behind = bytearray(end), bytearray()
    for text, offset, size in fields:
        offset, size = int(offset), int(size)
        if "__data_loc" in text or "__rel_loc" in text:
            start = end + len(behind) - (offset + size if "__rel_loc" in text else 0)
            struct.pack_into("<I", data, offset, start & 0xffff | 8 << 16)
            behind += b"\x12\0text\0\0"
        elif "comm" in text and size == 16:
            data[offset:offset + 16] = b"some task".ljust(16, b"\0")
        elif text.split()[-1] in ("fmt",):
            struct.pack_into("<Q", data, offset, 0xffffffff82000000)
        elif size == 8:
            struct.pack_into("<Q", data, offset, 0xffffffff81000123 if value else 5)
        else:
            data[offset:offset + size] = (b"\x03\0\0\0" * 32)[:size]
    if not any(int(size) == 0 for _, _, size in fields):
        data += behind
    else:
        data += struct.pack("<I", 7) + b"some text\n\0\0\0\0"
    struct.pack_into("<HBBi", data, 0, number, value, 2, 100)
    return bytes(data)


def piece(kind, data):
    return kind.encode() + struct.pack("<H", len(data)) + data


def main():
    os.makedirs(OUT, exist_ok=True)
    known = formats()
    written = 0
    for i, name in enumerate(WANTED):
        if name not in known:
            continue
        system, event = name.split(":")
        body = known[name].encode()
        if len(body) > 16000:
            continue
        options = struct.pack("<H", (0, 2, 8, 9, 4 | 8, 16 | 8)[i % 6] | (2048 if i % 4 == 0 else 0))
        seed = piece("o", options) + piece("f" if system == "ftrace" else "g", body)
        seed += piece("k", KALLSYMS) + piece("p", PRINTK) + piece("c", CMDLINES)
        seed += piece("F" if i % 2 else "V", FILTERS[i % 2].replace(b"%s", event.encode()))
        seed += piece("r", record(known[name], 0)) + piece("r", record(known[name], 1)) + piece("r", b"\0\0\0")
        if name == "ftrace:funcgraph_entry":
            seed = piece("f", known["ftrace:funcgraph_exit"].encode()) + seed
            seed += piece("r", record(known[name], 1)) + piece("r", record(known["ftrace:funcgraph_exit"], 1))
        with open(f"{OUT}/{name.replace(':', '-')}", "wb") as f:
            f.write(seed)
        written += 1
    print(f"{written} seeds")


if __name__ == "__main__":
    main()
