// SPDX-License-Identifier: Apache-2.0
/*
 * Sends UDP packets for bench/ipvs.ts and prints how many processor ticks each took until it had reached its end: all is on one
 * processor, and what a send sets off is done before it returns. Emulated with -icount, a tick is an instruction.
 *
 *   sender IFACE MAC SOURCE SPORT DESTINATION DPORT FLOWS COUNT            socket buffers, from a raw socket
 *   sender IFACE MAC SOURCE SPORT DESTINATION DPORT FLOWS COUNT OBJECT     XDP frames, by the program `source` of OBJECT
 *
 * Flows differ by their source port and take turns.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

enum {
	FRAME_BYTES = 64,
	BATCH = 32,
	/* The kernel's own batch of live frames. */
	FRAMES_BATCH = 64,
	SEND_BUFFER_BYTES = 1 << 24,
};

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	char payload[FRAME_BYTES - sizeof(struct ethhdr) - sizeof(struct iphdr) - sizeof(struct udphdr)];
} __attribute__((packed));

/* As in ends.bpf.c. */
struct stream {
	struct frame frame;
	__u32 flows;
	__u32 next;
	/* Where they leave. */
	__u32 ifindex;
};

static void die(const char *what)
{
	fprintf(stderr, "sender: %s: %s\n", what, strerror(errno));
	exit(1);
}

static __u16 checksum(const void *bytes, size_t length, __u32 sum)
{
	const __u16 *half = bytes;

	for (; length > 1; length -= 2)
		sum += *half++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void frame_write(struct frame *frame, char **ends, int flow)
{
	__u8 *mac = frame->ethernet.h_dest;

	memset(frame, 0, sizeof(*frame));
	if (sscanf(ends[0], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		die("MAC address");
	memcpy(frame->ethernet.h_source, "\2\0\0\0\0\1", ETH_ALEN);
	frame->ethernet.h_proto = htons(ETH_P_IP);
	frame->ip.version = 4;
	frame->ip.ihl = 5;
	frame->ip.ttl = 64;
	frame->ip.protocol = IPPROTO_UDP;
	frame->ip.tot_len = htons(sizeof(*frame) - sizeof(struct ethhdr));
	frame->ip.saddr = inet_addr(ends[1]);
	frame->ip.daddr = inet_addr(ends[3]);
	frame->ip.check = checksum(&frame->ip, sizeof(frame->ip), 0);
	frame->udp.source = htons(atoi(ends[2]) + flow);
	frame->udp.dest = htons(atoi(ends[4]));
	frame->udp.len = htons(sizeof(frame->udp) + sizeof(frame->payload));
	/* The pseudo header: both addresses lie together. */
	frame->udp.check = checksum(&frame->ip.saddr, sizeof(frame->udp) + sizeof(frame->payload) + 8, htons(IPPROTO_UDP) + frame->udp.len);
}

static double send_packets(int ifindex, char **ends, int flows, int count)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = ifindex, .sll_halen = ETH_ALEN };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), yes = 1, bytes = SEND_BUFFER_BYTES;
	struct frame *frames = calloc(flows, sizeof(*frames));
	struct mmsghdr messages[BATCH] = {};
	struct iovec vectors[BATCH];
	unsigned long long begun;

	if (fd < 0 || !frames || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		die("open a raw socket");
	for (int i = 0; i < flows; i++)
		frame_write(&frames[i], ends, i);
	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_len = sizeof(*frames);
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_name = &to, .msg_namelen = sizeof(to) };
	}
	begun = __rdtsc();
	for (int sent = 0, flow = 0, n; sent < count; sent += n) {
		n = count - sent < BATCH ? count - sent : BATCH;
		for (int i = 0; i < n; i++) {
			vectors[i].iov_base = &frames[flow];
			flow = flow + 1 < flows ? flow + 1 : 0;
		}
		n = sendmmsg(fd, messages, n, 0);
		if (n < 0)
			die("sendmmsg");
	}
	return (double)(__rdtsc() - begun) / count;
}

/* Only `source` of the object: the other programs there are attached by tc and ip. */
static int load_source(struct bpf_object *object)
{
	struct bpf_program *program, *source = NULL;

	bpf_object__for_each_program(program, object) {
		int wanted = !strcmp(bpf_program__name(program), "source");

		bpf_program__set_autoload(program, wanted);
		if (wanted) {
			bpf_program__set_type(program, BPF_PROG_TYPE_XDP);
			source = program;
		}
	}
	if (!source || bpf_object__load(object))
		die("load the program source");
	return bpf_program__fd(source);
}

static double send_frames(int ifindex, const char *path, char **ends, int flows, int count)
{
	struct bpf_object *object = bpf_object__open(path);
	struct stream stream = { .flows = flows, .ifindex = ifindex };
	struct xdp_md context = { .data_end = FRAME_BYTES, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &stream.frame, .data_size_in = FRAME_BYTES, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = count, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = FRAMES_BATCH);
	unsigned long long begun;
	__u32 zero = 0;
	int source;

	if (!object)
		die(path);
	source = load_source(object);
	frame_write(&stream.frame, ends, 0);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "stream"), &zero, &stream, BPF_ANY))
		die("write the stream");
	begun = __rdtsc();
	if (bpf_prog_test_run_opts(source, &options))
		die("send live frames");
	return (double)(__rdtsc() - begun) / count;
}

int main(int count, char **words)
{
	int ifindex, flows, packets;
	double ticks;

	if (count != 9 && count != 10) {
		fprintf(stderr, "usage: sender IFACE MAC SOURCE SPORT DESTINATION DPORT FLOWS COUNT [OBJECT]\n");
		return 2;
	}
	ifindex = if_nametoindex(words[1]);
	if (!ifindex)
		die(words[1]);
	flows = atoi(words[7]);
	packets = atoi(words[8]);
	ticks = count == 10 ? send_frames(ifindex, words[9], &words[2], flows, packets) : send_packets(ifindex, &words[2], flows, packets);
	printf("%.1f\n", ticks);
	return 0;
}
