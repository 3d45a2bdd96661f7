// SPDX-License-Identifier: GPL-2.0
/* The peer of a veth whose other end runs native XDP: without a program here, what the director sends is lost. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
