// SPDX-License-Identifier: GPL-2.0
/*
 * The subjects that bench/packet.ts compares with, and `restore`, through which it measures. -DHOOK_TC and -DHOOK_XDP.
 *
 * BPF_PROG_TEST_RUN hands the same bytes to every repetition, so a program that rewrites them would meet its own work.
 * `restore` writes the headers anew, from which flow it is told to, and ends in a tail call: what runs then is the
 * director exactly as it is loaded for traffic. Its own cost is known from a tail call to `empty`.
 */
#include "abi.h"
#include "hook.h"

#ifdef HOOK_XDP
#define HOOK_SECTION "xdp"
#else
#define HOOK_SECTION "tc"
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} subject SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench SEC(".maps");

/* As large as a connection table, when that is what is measured. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct connection_group);
} lines SEC(".maps");

enum {
	/* Where the network header begins: headers are written as words from there, in the sizes in which they are read again. */
	HEADERS = ETH_HLEN,
	/* Word of the headers where the client's address ends, and the one with both ports. */
	IPV4_CLIENT = 3,
	IPV4_PORTS = 5,
	IPV6_CLIENT = 5,
	IPV6_PORTS = 10,
	/* Low bits of a flow's number that its port differs by too. */
	PORTS_MASK = 0x3f,
};

_Static_assert(sizeof(((struct bench *)0)->frame) == HEADERS + 4 * BENCH_HEADER_WORDS, "the template is a frame's beginning");

static __always_inline __u32 flow_choose(struct bench *bench)
{
	if (bench->order == BENCH_ORDER_RANDOM)
		return bpf_get_prandom_u32() & (bench->flows - 1);
	if (bench->order == BENCH_ORDER_NEXT)
		return bench->next++;
	return 0;
}

/* What a tunnel put in front is taken off again. Called for every packet, grown or not, so that it costs the same for all. */
static __always_inline int frame_shrink(context *ctx, const struct bench *bench)
{
#ifdef HOOK_XDP
	long length = hook_data_end(ctx) - hook_data(ctx);

	/* Else clang adds the length to the packet's pointer first, which no verifier allows. */
	asm volatile("" : "+r"(length));
	return !bpf_xdp_adjust_head(ctx, (int)(length - bench->length));
#else
	/* The kernel gives no way to unmake a packet's encapsulation: on tc tunnels are measured one packet a call. */
	return 1;
#endif
}

SEC(HOOK_SECTION)
int restore(context *ctx)
{
	__u32 zero = 0;
	struct bench *state = bpf_map_lookup_elem(&bench, &zero);
	const __be32 *from;
	__u16 *macs;
	__be32 *to;
	__u32 flow;

	if (!state || !frame_shrink(ctx, state))
		return VERDICT_DROP;
	macs = hook_data(ctx);
	to = (void *)macs + HEADERS;
	from = (const void *)state->frame + HEADERS;
	if ((void *)(to + BENCH_HEADER_WORDS) > hook_data_end(ctx))
		return VERDICT_DROP;
#pragma unroll
	for (int i = 0; i < HEADERS / 2; i++)
		macs[i] = ((const __u16 *)state->frame)[i];
#pragma unroll
	for (int i = 0; i < BENCH_HEADER_WORDS; i++)
		to[i] = from[i];
	flow = flow_choose(state);
	if (macs[6] == bpf_htons(ETH_P_IP)) {
		to[IPV4_CLIENT] = bpf_htonl(bpf_ntohl(from[IPV4_CLIENT]) + flow);
		to[IPV4_PORTS] = from[IPV4_PORTS] + (flow & PORTS_MASK);
	} else {
		to[IPV6_CLIENT] = bpf_htonl(bpf_ntohl(from[IPV6_CLIENT]) + flow);
		to[IPV6_PORTS] = from[IPV6_PORTS] + (flow & PORTS_MASK);
	}
	bpf_tail_call(ctx, &subject, 0);
	return VERDICT_DROP;
}

SEC(HOOK_SECTION)
int empty(context *ctx)
{
	return VERDICT_PASS;
}

/* The least that any forwarding does: the frame goes back where it came from. */
SEC(HOOK_SECTION)
int swap(context *ctx)
{
	__u16 *macs = hook_data(ctx);

	if ((void *)(macs + ETH_ALEN) > hook_data_end(ctx))
		return VERDICT_DROP;
#pragma unroll
	for (int i = 0; i < ETH_ALEN / 2; i++) {
		__u16 half = macs[i];

		macs[i] = macs[i + ETH_ALEN / 2];
		macs[i + ETH_ALEN / 2] = half;
	}
#ifdef HOOK_XDP
	return XDP_TX;
#else
	return bpf_redirect(ctx->ifindex, 0);
#endif
}

/* What no look-up can do without: a random line of the table is read, and which one depends on what the last one held. */
SEC(HOOK_SECTION)
int read_line(context *ctx)
{
	__u32 zero = 0;
	struct bench *state = bpf_map_lookup_elem(&bench, &zero);
	struct connection_group *group;
	__u32 random, index;

	if (!state)
		return VERDICT_DROP;
	random = (bpf_get_prandom_u32() + state->next) & (state->flows - 1);
	index = random / CONNECTION_GROUP_SLOTS;
	group = bpf_map_lookup_elem(&lines, &index);
	if (!group)
		return VERDICT_DROP;
	state->next = READ_ONCE(group->slot[random & (CONNECTION_GROUP_SLOTS - 1)].life);
	return VERDICT_PASS;
}

char _license[] SEC("license") = "GPL";
