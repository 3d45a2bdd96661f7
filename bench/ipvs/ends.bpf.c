// SPDX-License-Identifier: GPL-2.0
/*
 * The two ends of bench/ipvs.ts, and the least that forwarding can cost at each hook. The stand (stand.ts) gives interfaces
 * their numbers and MAC addresses.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

enum {
	/* As in stand.ts. */
	BACK_PORT = 13,
	SERVER_PORT = 14,
	AF_INET = 2,
	FRAME_BYTES = 64,
	/* Halves of the frame: UDP's source port and checksum. */
	UDP_SOURCE = (14 + 20) / 2,
	UDP_CHECKSUM = (14 + 20 + 6) / 2,
};

/* What `source` sends; written by sender.c. */
struct stream {
	__u16 frame[FRAME_BYTES / 2];
	__u32 flows;
	__u32 next;
	__u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stream);
} stream SEC(".maps");

/*
 * Frames without a socket buffer, as a card's driver hands them to XDP. The kernel sends the same pages again and again as they came
 * back from the last round (BPF_F_TEST_XDP_LIVE_FRAMES restores no bytes), so all of each frame is written anew.
 */
SEC("xdp_source")
int source(struct xdp_md *ctx)
{
	__u16 *half = (void *)(long)ctx->data;
	__u32 zero = 0;
	struct stream *state = bpf_map_lookup_elem(&stream, &zero);
	__u32 flow, sum;

	if (!state || (void *)(half + FRAME_BYTES / 2) > (void *)(long)ctx->data_end)
		return XDP_DROP;
#pragma unroll
	for (int i = 0; i < FRAME_BYTES / 2; i++)
		half[i] = state->frame[i];
	flow = state->next;
	state->next = flow + 1 < state->flows ? flow + 1 : 0;
	half[UDP_SOURCE] = bpf_htons(bpf_ntohs(half[UDP_SOURCE]) + flow);
	sum = (__u16)~half[UDP_CHECKSUM] + (__u16)~state->frame[UDP_SOURCE] + half[UDP_SOURCE];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	half[UDP_CHECKSUM] = ~sum;
	return bpf_redirect(state->ifindex, 0);
}

/* Where a packet's way ends, before the stack sees it. ARP goes on. */
SEC("tc_sink")
int sink(struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("xdp_sink")
int sink_frames(struct xdp_md *ctx)
{
	return XDP_DROP;
}

static __always_inline void towards_server(__u16 *half)
{
	half[0] = half[3] = bpf_htons(0x0200);
	half[1] = half[4] = 0;
	half[2] = bpf_htons(SERVER_PORT);
	half[5] = bpf_htons(BACK_PORT);
}

SEC("tc_redirect")
int redirect(struct __sk_buff *skb)
{
	__u16 *half = (void *)(long)skb->data;

	if (skb->protocol != bpf_htons(ETH_P_IP) || (void *)(half + ETH_HLEN / 2) > (void *)(long)skb->data_end)
		return TC_ACT_OK;
	towards_server(half);
	return bpf_redirect(BACK_PORT, 0);
}

/* The same, and the kernel writes the MAC addresses. */
SEC("tc_redirect_neigh")
int redirect_neigh(struct __sk_buff *skb)
{
	struct bpf_redir_neigh hop = { .nh_family = AF_INET, .ipv4_nh = bpf_htonl(0xac1e0102) };

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	return bpf_redirect_neigh(BACK_PORT, &hop, sizeof(hop), 0);
}

SEC("xdp_redirect")
int redirect_frames(struct xdp_md *ctx)
{
	__u16 *half = (void *)(long)ctx->data;

	if ((void *)(half + ETH_HLEN / 2) > (void *)(long)ctx->data_end || half[6] != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	towards_server(half);
	return bpf_redirect(BACK_PORT, 0);
}

char _license[] SEC("license") = "GPL";
