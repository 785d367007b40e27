/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of event formats as the kernel writes them (events/SYSTEM/EVENT/format), for tests. */
#ifndef UTEST_FORMATS_H
#define UTEST_FORMATS_H

/* The head of a format: name, id, the fields that every record has. */
#define COMMON(name, id) \
	"name: " name "\nID: " #id "\nformat:\n" \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define FIELD(decl, offset, size, sign) \
	"\tfield:" decl ";\toffset:" #offset ";\tsize:" #size ";\tsigned:" #sign ";\n"
#define PRINT(fmt) "\nprint fmt: " fmt "\n"

#endif
