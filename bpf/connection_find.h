/* SPDX-License-Identifier: GPL-2.0 */
/* Finding a connection: the hash of a flow, its home group, and the groups beyond when that one sent others on. */
#ifndef EVENKEEL_CONNECTION_FIND_H
#define EVENKEEL_CONNECTION_FIND_H

#include "life.h"

/*
 * Where a connection stands, and its life word as it was read. Numbers, not pointers: the functions below are global,
 * so that the verifier checks each once instead of along every path (all kernels; inlined, the program is too large).
 */
struct place {
	__u32 group;
	__u32 slot;
	__u64 life;
};

/* What is searched for: a connection as its client's packet shows it, as its NAT server's does, or a template. */
enum search_for {
	SEARCH_REQUEST = 0,
	SEARCH_REPLY = 1,
	SEARCH_TEMPLATE = 2,
};

/* A slot's ends as one word (little endian), as struct flow has them. A request shows no real port, a reply no virtual one. */
enum {
	CLIENT_OFFSET = offsetof(struct connection, client),
	VIRTUAL_OFFSET = offsetof(struct connection, virtual_address),
	ENDS_OFFSET = offsetof(struct connection, client_port),
};
#define ENDS_REQUEST 0x0000ffffffffffffULL
#define ENDS_REPLY 0xffff0000ffffffffULL

_Static_assert(sizeof(struct connection) == 64, "a connection is one cache line");
_Static_assert(sizeof(struct connection_group) == 512, "a group is eight cache lines of one page");
_Static_assert(CONNECTION_GROUP_SLOTS == 8, "the slots of a group are three bits of the hash");
_Static_assert(ENDS_OFFSET % 8 == 0 && offsetof(struct connection, real_port) == ENDS_OFFSET + 6, "the ends are one word");
_Static_assert(offsetof(struct connection, virtual_port) - ENDS_OFFSET == offsetof(struct flow, other_port) - offsetof(struct flow, ends),
	       "a slot's ends lie as a flow's");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "flow_ends(), ENDS_REQUEST and ENDS_REPLY are written for little endian"
#endif

/* Keyed by the seeds: who does not know them cannot fill a group on purpose. */
static __always_inline __u64 flow_hash(const struct flow *flow, const struct settings *settings)
{
	__u64 multiplier = settings->hash_seed[1] | 1;
	__u64 hash = settings->hash_seed[0] ^ (__u32)flow->ends;

	if (family_is_ipv6(flow->family)) {
		hash = (hash ^ flow->client.half[0]) * multiplier;
		hash ^= hash >> 32;
		hash = (hash ^ flow->client.half[1]) * multiplier;
	} else {
		hash = (hash ^ ((__u64)flow->client.word[0] << 32)) * multiplier;
	}
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 29;
	return hash;
}

static __always_inline __u32 hash_tag(__u64 hash)
{
	return hash >> 48;
}

/* The slot at which a search through a group begins; the others follow in the order home ^ 1, home ^ 2 ... home ^ 7. */
static __always_inline __u32 hash_home(__u64 hash)
{
	return (hash >> 45) & (CONNECTION_GROUP_SLOTS - 1);
}

/* The next group of a connection's sequence. */
static __always_inline __u32 group_step(__u32 tag)
{
	return 2 * tag + 1;
}

static __always_inline int connection_is_request(const struct connection *connection, const struct flow *flow, __u64 ends)
{
	const __u64 *word = (const __u64 *)connection;

	if (((word[ENDS_OFFSET / 8] ^ ends) & ENDS_REQUEST) || word[CLIENT_OFFSET / 8] != flow->client.half[0] ||
	    word[VIRTUAL_OFFSET / 8] != flow->other.half[0])
		return 0;
	return !family_is_ipv6(flow->family) ||
	       (word[CLIENT_OFFSET / 8 + 1] == flow->client.half[1] && word[VIRTUAL_OFFSET / 8 + 1] == flow->other.half[1]);
}

/*
 * Only of a connection by NAT: by DR or TUN a client may have gone to the same server, from the same port, as another service's, or
 * there may be one to the server itself. Those answers are not ours to alter.
 */
static __always_inline int connection_is_reply(const struct connection *connection, const struct flow *flow, __u64 ends)
{
	const __u64 *word = (const __u64 *)connection;
	const __u64 *address;
	__u32 index = connection->server;

	if (((word[ENDS_OFFSET / 8] ^ ends) & ENDS_REPLY) || word[CLIENT_OFFSET / 8] != flow->client.half[0])
		return 0;
	if (unlikely(connection->method != FORWARDING_METHOD_NAT && connection->method != FORWARDING_METHOD_FULL_NAT_REPLY))
		return 0;
	if (family_is_ipv6(flow->family) && word[CLIENT_OFFSET / 8 + 1] != flow->client.half[1])
		return 0;
	address = bpf_map_lookup_elem(&servers, &index);
	return address && address[0] == flow->other.half[0] && address[1] == flow->other.half[1];
}

/* A template past its time stays as long as it leads connections. */
static __always_inline int template_lingers(const struct connection *connection, __u64 life)
{
	return life_phase(life) == LIFE_LIVE && (life & LIFE_TEMPLATE) && READ_ONCE(connection->partner);
}

/* Does this slot hold the flow? The word is read again at the end: the slot may have changed hands meanwhile. */
static __always_inline int slot_holds(const struct connection *connection, const struct flow *flow, __u64 ends, __u32 now,
				      enum search_for what, __u64 *life)
{
	*life = READ_ONCE(connection->life);
	if (!life_is_usable(*life, now) && !(what == SEARCH_TEMPLATE && template_lingers(connection, *life)))
		return 0;
	if (what == SEARCH_REPLY ? !connection_is_reply(connection, flow, ends) : !connection_is_request(connection, flow, ends))
		return 0;
	barrier();
	return life_is_same(*life, READ_ONCE(connection->life));
}

/* The slot of a flow in this group, or CONNECTION_GROUP_SLOTS. */
static __always_inline __u32 group_search(struct connection_group *group, const struct flow *flow, __u64 ends, __u32 home, __u32 now,
					  enum search_for what, __u64 *life)
{
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u32 slot = (home ^ i) & (CONNECTION_GROUP_SLOTS - 1);

		if (slot_holds(&group->slot[slot], flow, ends, now, what, life))
			return slot;
	}
	return CONNECTION_GROUP_SLOTS;
}

static __always_inline struct connection_group *place_group(const struct place *place)
{
	/* Linux 6.1 takes no map key from a global function's argument: a copy on the stack. */
	__u32 index = place->group;

	return bpf_map_lookup_elem(&connections, &index);
}

/*
 * What stands at a place; NULL only for a place that never was. The pointer is made at once, where the slot's bound is
 * known: Linux 6.1 forgets it when the number is put aside.
 */
static __always_inline struct connection *place_connection(const struct place *place)
{
	struct connection_group *group = place_group(place);
	struct connection *connection;
	__u32 slot = READ_ONCE(place->slot);

	if (!group || slot >= CONNECTION_GROUP_SLOTS)
		return NULL;
	connection = &group->slot[slot];
	asm volatile("" : "+r"(connection));
	return connection;
}

/* Has this group sent connections on to others? */
static __always_inline int group_overflowed(__u32 index)
{
	__u64 *count = bpf_map_lookup_elem(&overflow, &index);

	return count && READ_ONCE(*count);
}

/* A search beyond the first group: its arguments, and where it stands. */
struct search {
	const struct flow *flow;
	struct place *place;
	__u64 ends;
	__u32 now;
	__u32 mask;
	__u32 tag;
	__u32 home;
	__u32 what;
};

static long search_step(__u32 i, struct search *search)
{
	struct place *place = search->place;
	struct connection_group *group;
	__u32 index = (place->group + group_step(search->tag)) & search->mask;

	place->group = index;
	group = bpf_map_lookup_elem(&connections, &index);
	if (!group)
		return 1;
	place->slot = group_search(group, search->flow, search->ends, search->home, search->now, search->what, &place->life);
	return place->slot < CONNECTION_GROUP_SLOTS || !group_overflowed(index);
}

/* What a slot's ends must be but for the port that the packet does not show. */
static __always_inline __u64 slot_ends(const struct flow *flow, enum search_for what)
{
	return what == SEARCH_REPLY ? (__u32)flow->ends | (__u64)flow->other_port << 48 : flow->ends;
}

/* The home group does not have it but sent others on. A function of its own, so that the usual search needs little stack. */
__noinline int connection_search_on(const struct flow *flow, __u64 hash, struct place *place, enum search_for what)
{
	struct settings *settings = settings_get();
	struct search search = { .tag = hash_tag(hash), .home = hash_home(hash), .now = now_ticks(), .what = what };

	if (!settings || !flow || !place)
		return 0;
	search.flow = flow;
	search.place = place;
	search.ends = slot_ends(flow, what);
	search.mask = settings->group_mask;
	bpf_loop(CONNECTION_GROUPS_TRIED - 1, search_step, &search, 0);
	return place->slot < CONNECTION_GROUP_SLOTS;
}

static __always_inline int connection_search(const struct flow *flow, __u64 hash, struct place *place, const struct settings *settings,
					     enum search_for what)
{
	struct connection_group *group;
	__u32 index;

	if (!flow || !place || !settings)
		return 0;
	index = hash & settings->group_mask;
	place->group = index;
	group = bpf_map_lookup_elem(&connections, &index);
	if (!group)
		return 0;
	place->slot = group_search(group, flow, slot_ends(flow, what), hash_home(hash), now_ticks(), what, &place->life);
	if (likely(place->slot < CONNECTION_GROUP_SLOTS))
		return 1;
	return group_overflowed(index) ? connection_search_on(flow, hash, place, what) : 0;
}

/*
 * The usual case of connection_find(), inlined where most packets pass: the connection stands in its home slot. NULL says
 * only that it does not.
 */
static __always_inline struct connection *connection_at_home(const struct flow *flow, __u64 hash, struct place *place,
							     const struct settings *settings, __u32 now)
{
	struct connection_group *group;
	struct connection *connection;
	__u32 index = hash & settings->group_mask;
	__u32 slot = hash_home(hash);

	group = bpf_map_lookup_elem(&connections, &index);
	if (!group)
		return NULL;
	/* Here, where the verifier needs to see it; the compiler would do it before the look-up, and put it aside. */
	asm volatile("%0 &= 7" : "+r"(slot));
	connection = &group->slot[slot];
	place->group = index;
	place->slot = slot;
	if (!slot_holds(connection, flow, slot_ends(flow, SEARCH_REQUEST), now, SEARCH_REQUEST, &place->life))
		return NULL;
	return connection;
}

/* The connection of a flow, as the client's packet shows it. 0: none. */
__noinline int connection_find(const struct flow *flow, __u64 hash, struct place *place, const struct settings *settings)
{
	return connection_search(flow, hash, place, settings, SEARCH_REQUEST);
}

/* The same, as its NAT server's packet shows it. */
__noinline int connection_find_reply(const struct flow *flow, __u64 hash, struct place *place, const struct settings *settings)
{
	return connection_search(flow, hash, place, settings, SEARCH_REPLY);
}

#endif
