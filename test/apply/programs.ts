/** Small C programs that tests need: compiled in place, so that what they do can be read here. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileBpf, ROOT } from "../../tools/compiler.ts";

/** `refuse-bpf ERRNO COMMAND...`: runs the command with bpf(2) answering ERRNO (a seccomp filter, as containers have). */
const REFUSE_BPF = `
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(argv[1])),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 99;
	execvp(argv[2], argv + 2);
	return 98;
}
`;

/** Preloaded: counts the bpf(2) calls of libbpf; dies before number KILL_AT, or writes the count to the file COUNT_TO at its end. */
const KILL_AT_BPF = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long count;

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	const char *kill_at = getenv("KILL_AT");
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real)
		real = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_bpf && ++count && kill_at && count == atol(kill_at))
		kill(getpid(), SIGKILL);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("COUNT_TO");
	FILE *file = path && count ? fopen(path, "w") : NULL;

	if (file) {
		fprintf(file, "%ld", count);
		fclose(file);
	}
}
`;

export function compileRefuseBpf(directory: string): string {
  return compile(directory, "refuse-bpf", REFUSE_BPF, []);
}

export function compileKillAtBpf(directory: string): string {
  return compile(directory, "kill-at-bpf.so", KILL_AT_BPF, ["-shared", "-fPIC"]);
}

/** The director's object with one program more, which no verifier lets pass. */
export function compileRefusedDirector(directory: string): string {
  const source = join(directory, "refused.bpf.c");
  const output = join(directory, "refused.o");
  writeFileSync(source, `#include "director.bpf.c"\nSEC("tc") int refused(void *ctx)\n{\n\treturn *(volatile int *)8;\n}\n`);
  compileBpf({ source, output, defines: ["HOOK_TC"], include: [join(ROOT, "bpf")] });
  return output;
}

function compile(directory: string, name: string, source: string, options: readonly string[]): string {
  const file = join(directory, `${name}.c`);
  const output = join(directory, name);
  writeFileSync(file, source);
  const run = spawnSync("clang", ["-O2", "-o", output, file, ...options], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`clang cannot compile ${name}: ${run.stderr}`);
  return output;
}
