/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has to be done when no packet comes and none of our processes lives: one timer of the kernel's, which lives as long
 * as the map that holds it is pinned. Each time it sweeps a slice of the connections and estimates some rates; both are
 * bounded, since it runs where packets do (softirq, of one CPU).
 */
#ifndef EVENKEEL_TIMER_H
#define EVENKEEL_TIMER_H

#include "connection_sweep.h"
#include "estimate.h"

#define CLOCK_MONOTONIC 1

enum {
	TIMER_PERIOD_NS = 20 * 1000 * 1000,
	/* A whole sweep is about a second, but a slice not longer than a fraction of a millisecond. */
	TIMER_SLICES = 50,
	TIMER_GROUPS_MAX = 4096,
	/* Nor one that frees more than this: where a multitude ends at once it waits for the next slice, being absent already. */
	TIMER_EXPIRED_MAX = 16384,
	TIMER_ESTIMATES_MAX = 1024,
};

/* IPVS's two seconds. */
#define ESTIMATE_PERIOD_NS 2000000000ULL

struct timer_state {
	struct bpf_timer timer;
	/* The next group to be swept, and the next number to be estimated. */
	__u32 group;
	__u32 number;
	/* When the estimates of these two seconds began. */
	__u64 began;
};

/* Apart from maps.h: the control plane pins it and never looks inside. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timer_state);
} timer SEC(".maps");

static __always_inline void timer_sweep(struct timer_state *state)
{
	struct settings *settings = settings_get();
	struct sweep sweep = { .now = now_ticks(), .expired_max = TIMER_EXPIRED_MAX };
	__u32 groups, slice;

	if (!settings)
		return;
	groups = settings->group_mask + 1;
	sweep.first_group = state->group & settings->group_mask;
	slice = groups / TIMER_SLICES + 1;
	if (slice > TIMER_GROUPS_MAX)
		slice = TIMER_GROUPS_MAX;
	if (slice > groups - sweep.first_group)
		slice = groups - sweep.first_group;
	bpf_loop(slice, sweep_group, &sweep, 0);
	state->group = sweep.first_group + sweep.groups;
}

/* As many as are due by now: each has its turn every two seconds. */
static __always_inline void timer_estimate(struct timer_state *state)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 passed = now - state->began;
	__u32 due = ESTIMATE_ALL;
	__u32 first = state->number;

	/* The machine slept, or the timer was begun just now. */
	if (passed >= 2 * ESTIMATE_PERIOD_NS) {
		state->began = now;
		state->number = 0;
		return;
	}
	if (passed < ESTIMATE_PERIOD_NS)
		due = passed * ESTIMATE_ALL / ESTIMATE_PERIOD_NS;
	if (due > first) {
		due -= first;
		if (due > TIMER_ESTIMATES_MAX)
			due = TIMER_ESTIMATES_MAX;
		bpf_loop(due, estimate_step, &first, 0);
		state->number = first + due;
	}
	if (state->number >= ESTIMATE_ALL) {
		state->began += ESTIMATE_PERIOD_NS;
		state->number = 0;
	}
}

static int timer_tick(void *map, __u32 *key, struct timer_state *state)
{
	timer_sweep(state);
	timer_estimate(state);
	bpf_timer_start(&state->timer, TIMER_PERIOD_NS, 0);
	return 0;
}

/*
 * Run once by hand. Where the timer runs already it goes on with this program's work instead of an older one's.
 * A tc program, since those may have timers on every kernel.
 */
SEC("tc")
int start_timer(struct __sk_buff *ctx)
{
	__u32 zero = 0;
	struct timer_state *state = bpf_map_lookup_elem(&timer, &zero);

	if (!state)
		return 1;
	/* Fails where it is there already. */
	bpf_timer_init(&state->timer, &timer, CLOCK_MONOTONIC);
	if (bpf_timer_set_callback(&state->timer, timer_tick))
		return 1;
	return bpf_timer_start(&state->timer, TIMER_PERIOD_NS, 0) ? 1 : 0;
}

#endif
