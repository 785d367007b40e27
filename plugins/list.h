/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each table is one shared object plugin_NAME.so; the Makefile reads the names here, too. */
PLUGIN(cfg80211)
PLUGIN(function)
PLUGIN(futex)
PLUGIN(hrtimer)
PLUGIN(jbd2)
PLUGIN(kmem)
PLUGIN(kvm)
PLUGIN(mac80211)
PLUGIN(sched_switch)
PLUGIN(scsi)
PLUGIN(tlb)
PLUGIN(xen)
