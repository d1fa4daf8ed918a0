/*
 * FreeBSD's system calls with the prototypes of its headers, for another system's C library.
 *
 * Each writes down what arrives, so a test can see that our functions pass it as the kernel takes it.
 */

#include <sys/types.h>
#include <sys/uio.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char told[8192];

const char *
told_last(void)
{
	return (told);
}

static void
tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(told + strlen(told), sizeof(told) - strlen(told), format, arguments);
	va_end(arguments);
}

static void
start(const char *name)
{
	told[0] = '\0';
	tell("%s", name);
}

static int
pairs(struct iovec *iov, unsigned int niov)
{
	for (unsigned int i = 0; i + 1 < niov; i += 2) {
		const char *name = iov[i].iov_base;
		unsigned char *value = iov[i + 1].iov_base;

		if (iov[i].iov_len != strlen(name) + 1)
			tell(" BADNAME");
		if (strcmp(name, "errmsg") == 0) {
			strcpy((char *)value, "the kernel's words");
			continue;
		}
		tell(" %s=", name);
		if (value == NULL)
			tell("NULL/%zu", iov[i + 1].iov_len);
		for (size_t at = 0; value != NULL && at < iov[i + 1].iov_len && at < 16; at++)
			tell("%02x", value[at]);
	}
	return (0);
}

int
jail_set(struct iovec *iov, unsigned int niov, int flags)
{
	start("jail_set");
	pairs(iov, niov);
	tell(" %u %d", niov, flags);
	if (flags == 0) {
		errno = EINVAL;
		return (-1);
	}
	return (7);
}

int
jail_get(struct iovec *iov, unsigned int niov, int flags)
{
	start("jail_get");
	tell(" %u %d", niov, flags);
	for (unsigned int i = 0; i + 1 < niov; i += 2) {
		if (strcmp(iov[i].iov_base, "path") == 0)
			strcpy(iov[i + 1].iov_base, "/jails/web");
		if (strcmp(iov[i].iov_base, "dying") == 0)
			*(int *)iov[i + 1].iov_base = 1;
		if (strcmp(iov[i].iov_base, "ip4.addr") == 0) {
			memcpy(iov[i + 1].iov_base, "\x7f\0\0\1\x7f\0\0\2", 8);
			iov[i + 1].iov_len = 8;
		}
	}
	return (9);
}

int jail_attach(int jid) { start("jail_attach"); tell(" %d", jid); return (0); }
int jail_remove(int jid) { start("jail_remove"); tell(" %d", jid); return (0); }

int
nmount(struct iovec *iov, unsigned int niov, int flags)
{
	start("nmount");
	pairs(iov, niov);
	tell(" %u %#x", niov, flags);
	return (0);
}

int unmount(const char *dir, int flags) { start("unmount"); tell(" %s %#x", dir, flags); return (0); }

int
rctl_get_rules(const char *in, size_t inlen, char *out, size_t outlen)
{
	start("rctl_get_rules");
	tell(" %s %zu", in, inlen);
	if (outlen < 100000) {
		errno = ERANGE;
		return (-1);
	}
	snprintf(out, outlen, "%s:maxproc:deny=5", in);
	return (0);
}

int
rctl_add_rule(const char *in, size_t inlen, char *out, size_t outlen)
{
	start("rctl_add_rule");
	tell(" %s %zu %p %zu", in, inlen, (void *)out, outlen);
	return (0);
}

int
cpuset_setaffinity(int level, int which, int64_t id, size_t size, const unsigned char *mask)
{
	start("cpuset_setaffinity");
	tell(" %d %d %lld %zu %02x%02x", level, which, (long long)id, size, mask[0], mask[1]);
	return (0);
}

/* As 13 has it: 256 processors and no more. */
int
cpuset_getaffinity(int level, int which, int64_t id, size_t size, unsigned char *mask)
{
	start("cpuset_getaffinity");
	tell(" %d %d %lld %zu", level, which, (long long)id, size);
	if (size > 32) {
		errno = ERANGE;
		return (-1);
	}
	memset(mask, 0, size);
	mask[0] = 0x05;
	mask[31] = 0x80;
	return (0);
}

struct reap_kill { int sig; unsigned int flags; int subtree; unsigned int killed; int fpid; unsigned int pad[15]; };
struct reap_status { unsigned int flags, children, descendants; int reaper, pid; unsigned int pad[15]; };

int
procctl(int idtype, int64_t id, int command, void *data)
{
	start("procctl");
	tell(" %d %lld %d", idtype, id > 0 ? 1LL : (long long)id, command);
	if (command == 6) {
		struct reap_kill *kill = data;

		tell(" %d %u %d", kill->sig, kill->flags, kill->subtree);
		kill->killed = 3;
	} else if (command == 4) {
		struct reap_status *status = data;

		status->flags = 1;
		status->children = 2;
		status->descendants = 5;
		status->reaper = 44;
	} else if (data != NULL)
		tell(" %d", *(int *)data);
	return (0);
}

int kldload(const char *file) { start("kldload"); tell(" %s", file); return (12); }
int modfind(const char *name) { start("modfind"); tell(" %s", name); errno = ENOENT; return (-1); }
int kldfind(const char *file) { start("kldfind"); tell(" %s", file); return (3); }

int
sysctlbyname(const char *name, void *old, size_t *size, const void *new, size_t newlen)
{
	start("sysctlbyname");
	tell(" %s %p %zu", name, (void *)new, newlen);
	if (strcmp(name, "no.such") == 0) {
		errno = ENOENT;
		return (-1);
	}
	if (old != NULL)
		*(int *)old = -1;
	*size = 4;
	return (0);
}
