#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "audit.h"
#include "buf.h"
#include "cache.h"
#include "conf.h"
#include "gw.h"
#include "num.h"
#include "settle.h"
#include "shm.h"
#include "slots.h"

#define WORKERS 2
#define OBJECTS 16
#define BYTES 65536
#define LONG_MS 600000

struct fixture {
	struct conf conf;
	struct gw gw;
	struct cache *cache;
	char path[64];
};

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	int fd;

	snprintf(f->path, sizeof f->path, "/tmp/settle-test.XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	f->conf.audit_log = f->path;
	f->conf.request_deadline_ms = 15000;
	f->gw.conf = &f->conf;
	f->gw.slots = mem_alloc(slots_size(WORKERS));
	slots_format(f->gw.slots, WORKERS);
	f->gw.cache_mem = shm_map(cache_size(OBJECTS, BYTES), false);
	cache_format(f->gw.cache_mem, OBJECTS, BYTES);
	f->cache = cache_open(f->gw.cache_mem, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	cache_close(f->cache);
	free(f->gw.slots);
	free(f);
	return 0;
}

static void
write_log(const struct fixture *f, const char *text, size_t len)
{
	int fd = open(f->path, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void
add_line(const struct fixture *f, const char *step, int id, const char *rq)
{
	char line[256];
	int n = snprintf(line, sizeof line, "{\"at\":\"x\",\"step\":\"%s\","
	    "\"kind\":\"batch\",\"id\":%d,\"user\":\"ana\",\"request\":"
	    "\"%s\"}\n", step, id, rq);

	write_log(f, line, (size_t)n);
}

static size_t
open_orphans(const struct fixture *f)
{
	size_t n = 0;

	for (size_t i = 0; i < SLOTS_ORPHANS; i++)
		n += f->gw.slots->orphan[i].intent.open;
	return n;
}

/* The id of a request's orphan, -1 if it has none. */
static int
orphan(const struct fixture *f, const char *request_id)
{
	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		const struct intent *in = &f->gw.slots->orphan[i].intent;

		if (in->open && strcmp(request_id, in->request_id) == 0 &&
		    strcmp(in->user, "ana") == 0)
			return in->id;
	}
	return -1;
}

static void
what_has_no_later_line_is_taken_up(void **state)
{
	const struct fixture *f = *state;

	add_line(f, "intended", 1, "aa");
	add_line(f, "intended", 2, "bb");
	add_line(f, "accepted", 1, "aa");
	add_line(f, "intended", 3, "cc");
	add_line(f, "intended", 4, "cc");	/* 3 was another's */
	add_line(f, "refused", 5, "dd");

	settle_recover(&f->gw);

	assert_int_equal(open_orphans(f), 2);
	assert_int_equal(orphan(f, "bb"), 2);
	assert_int_equal(orphan(f, "cc"), 4);
}

static void
noise_in_the_log_is_passed_over(void **state)
{
	static const char noise[] = "half a line\n\n[]\n{\"step\":1}\nnull\n"
	    "{\"step\":\"intended\"}\n\xff\xfe\n{\"step\":\"intended\","
	    "\"request\":\"zz\"}\n";
	const struct fixture *f = *state;

	settle_recover(&f->gw);		/* of an empty log */
	write_log(f, noise, sizeof noise - 1);
	add_line(f, "intended", 7, "ee");
	write_log(f, "{\"at\":\"x\",\"st", 13);

	settle_recover(&f->gw);

	assert_int_equal(open_orphans(f), 1);
	assert_int_equal(orphan(f, "ee"), 7);
}

static void
of_many_the_newest_are_taken_up(void **state)
{
	const struct fixture *f = *state;
	char rq[16];

	for (int i = 0; i < 3000; i++) {	/* more than is read */
		snprintf(rq, sizeof rq, "r%d", i);
		add_line(f, "intended", i, rq);
	}

	settle_recover(&f->gw);

	assert_int_equal(open_orphans(f), SLOTS_ORPHANS);
	assert_int_equal(orphan(f, "r2999"), 2999);
	assert_int_equal(orphan(f, "r0"), -1);
}

static void
what_nobody_sees_is_absent_once_it_would_be_seen(void **state)
{
	struct fixture *f = *state;
	int64_t now = num_mono_ms();
	struct buf text = BUF_INIT(4096);
	int fd;

	assert_true(audit_open(&f->conf));
	add_line(f, "intended", 9, "ff");
	settle_recover(&f->gw);

	settle_orphans(&f->gw, f->cache, 0, now);
	settle_orphans(&f->gw, f->cache, now - LONG_MS, now);
	assert_int_equal(open_orphans(f), 1);	/* an event may be late */
	f->gw.slots->orphan[0].intent.since_ms = now - LONG_MS;
	settle_orphans(&f->gw, f->cache, now - 1, now);
	assert_int_equal(open_orphans(f), 1);	/* nobody watched */
	settle_orphans(&f->gw, f->cache, now - LONG_MS, now - LONG_MS + 1);
	assert_int_equal(open_orphans(f), 1);	/* its watch may be dead */
	settle_orphans(&f->gw, f->cache, now - LONG_MS, now);

	assert_int_equal(open_orphans(f), 0);
	fd = open(f->path, O_RDONLY);
	buf_wrote(&text, (size_t)read(fd, buf_room(&text, 4000), 4000));
	close(fd);
	assert_non_null(strstr(text.data, "\"step\":\"absent\""));
	buf_release(&text);
	settle_recover(&f->gw);
	assert_int_equal(open_orphans(f), 0);	/* and that is a later line */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_has_no_later_line_is_taken_up),
		TEST(noise_in_the_log_is_passed_over),
		TEST(of_many_the_newest_are_taken_up),
		TEST(what_nobody_sees_is_absent_once_it_would_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
