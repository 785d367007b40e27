// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of a histogram: whatever it is, what is found in it can be asked for and sorted. */
#include <stdlib.h>

#include "kernel/hist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kernel_hists hs;

	if (!kernel_hists_parse((const char *)data, len, &hs))
		for (size_t i = 0; i < hs.nr; i++)
			for (size_t c = 0; c < hs.v[i].columns.nr; c++) {
				if (kernel_hist_column(&hs.v[i], hs.v[i].columns.v[c].name) < 0)
					abort();
				kernel_hist_sort(&hs.v[i], c, c & 1);
			}
	kernel_hists_release(&hs);
	return 0;
}
