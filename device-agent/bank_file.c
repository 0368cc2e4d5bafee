/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two banks that are files or block devices, with a boot record in a file: the boot chain of the
 * simulated board, and of boards whose boot loader reads the same record.
 */

#include "common/arena.h"
#include "device-agent/bank.h"
#include "device-agent/boot_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bank_file {
	const char *bank[BANK_COUNT];
	const char *boot;
	enum bank_name running;
	uint64_t grow_bytes;
};

static bool open_bank(const struct bank_file *chain, enum bank_name bank, int flags, int *fd,
		      struct err *err)
{
	int opened = open(chain->bank[bank], flags | O_CLOEXEC);

	if (opened < 0)
		return err_fail(err, E_AGENT_BANK, "bank %s (%s): %s", bank_word(bank),
				chain->bank[bank], strerror(errno));
	*fd = opened;
	return true;
}

/* The end of a file or of a block device; a file may get longer. */
static bool measure_bank(const struct bank_file *chain, enum bank_name bank, struct bank_view *out,
			 struct err *err)
{
	struct stat is;
	off_t end;
	int fd;

	if (!open_bank(chain, bank, O_RDONLY, &fd, err))
		return false;
	end = fstat(fd, &is) == 0 ? lseek(fd, 0, SEEK_END) : -1;
	close(fd);
	if (end < 0)
		return err_fail(err, E_AGENT_BANK, "bank %s (%s) has no size", bank_word(bank),
				chain->bank[bank]);
	out->size_bytes[bank] = out->room_bytes[bank] = (uint64_t)end;
	if (S_ISREG(is.st_mode) && out->room_bytes[bank] < chain->grow_bytes)
		out->room_bytes[bank] = chain->grow_bytes;
	return true;
}

static bool describe(void *self, struct bank_view *out, struct err *err)
{
	const struct bank_file *chain = self;
	struct boot_record record;
	struct bank_view view;

	if (!boot_record_read(chain->boot, &record, err))
		return false;
	view = (struct bank_view){.running = chain->running,
				  .active = record.active,
				  .on_trial = record.on_trial,
				  .trial = record.trial,
				  .tries = record.tries};
	if (!measure_bank(chain, BANK_A, &view, err) || !measure_bank(chain, BANK_B, &view, err))
		return false;
	*out = view;
	return true;
}

/* Refuses unless the running bank is the permanent one and nothing is on trial. */
static bool settled(const struct bank_file *chain, struct boot_record *record, struct err *err)
{
	if (!boot_record_read(chain->boot, record, err))
		return false;
	if (record->on_trial || record->active != chain->running)
		return err_fail(err, E_AGENT_BANK_BUSY, NULL);
	return true;
}

static bool open_idle(void *self, int *fd, struct err *err)
{
	const struct bank_file *chain = self;
	struct boot_record record;

	return settled(chain, &record, err) &&
	       open_bank(chain, bank_other(chain->running), O_RDWR, fd, err);
}

static bool open_read(void *self, enum bank_name bank, int *fd, struct err *err)
{
	return open_bank(self, bank, O_RDONLY, fd, err);
}

static bool arm(void *self, int tries, struct err *err)
{
	const struct bank_file *chain = self;
	struct boot_record record;

	if (tries < 1 || tries > BOOT_TRIES_MAX)
		return err_fail(err, E_AGENT_BANK, "a trial has 1 to %d tries", BOOT_TRIES_MAX);
	if (!settled(chain, &record, err))
		return false;
	record.on_trial = true;
	record.trial = bank_other(chain->running);
	record.tries = tries;
	return boot_record_write(chain->boot, &record, err);
}

static bool confirm(void *self, struct err *err)
{
	const struct bank_file *chain = self;
	struct boot_record record;

	if (!boot_record_read(chain->boot, &record, err))
		return false;
	if (!record.on_trial && record.active == chain->running)
		return true;
	record = (struct boot_record){.active = chain->running};
	return boot_record_write(chain->boot, &record, err);
}

static bool give_up(void *self, struct err *err)
{
	const struct bank_file *chain = self;
	struct boot_record record;

	if (!boot_record_read(chain->boot, &record, err))
		return false;
	if (!record.on_trial || record.tries == 0)
		return true;
	record.tries = 0;
	return boot_record_write(chain->boot, &record, err);
}

bool bank_file_open(struct arena *arena, const struct bank_file_settings *settings,
		    struct bank_chain *out, struct err *err)
{
	struct bank_file *chain = arena_alloc(arena, sizeof(*chain));

	if (settings->running == NULL ||
	    (strcmp(settings->running, "A") != 0 && strcmp(settings->running, "B") != 0))
		return err_fail(
			err, E_AGENT_BANK,
			"the boot loader did not say which bank runs; BANK has to be A or B");
	*chain = (struct bank_file){
		.bank = {arena_text(arena, settings->bank[BANK_A]),
			 arena_text(arena, settings->bank[BANK_B])},
		.boot = arena_text(arena, settings->boot),
		.running = settings->running[0] == 'A' ? BANK_A : BANK_B,
		.grow_bytes = settings->grow_bytes,
	};
	*out = (struct bank_chain){.self = chain,
				   .describe = describe,
				   .open_idle = open_idle,
				   .open_read = open_read,
				   .arm = arm,
				   .confirm = confirm,
				   .give_up = give_up};
	return true;
}
