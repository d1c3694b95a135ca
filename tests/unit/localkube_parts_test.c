#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localkube_core.h"
#include "localkube_files.h"
#include "localkube_log.h"
#include "localkube_meta.h"
#include "localkube_root.h"

static json_object *
json(const char *text)
{
	json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	return o;
}

static void
a_merge_patch_follows_its_rfc(void **state UNUSED)
{
	static const char *const cases[][3] = {
		{ "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"b\":\"c\"}",
		    "{\"a\":\"b\",\"b\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
		{ "{\"a\":[1]}", "{\"a\":[2,3]}", "{\"a\":[2,3]}" },
		{ "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":2,\"b\":null}}",
		    "{\"a\":{\"c\":2}}" },
		{ "{\"a\":[1]}", "{\"a\":{\"b\":{\"c\":null}}}",
		    "{\"a\":{\"b\":{}}}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON json_object *patch = json(cases[i][1]);
		AUTO_JSON json_object *want = json(cases[i][2]);
		AUTO_JSON json_object *is = kmeta_merge(json(cases[i][0]),
		    patch);

		if (!json_object_equal(is, want))
			fail_msg("%s", jv_print(is));
	}
}

static void
a_changed_spec_counts_and_a_label_does_not(void **state UNUSED)
{
	const struct kres *res = &kres_table[KRES_APP];
	AUTO_JSON json_object *before = json("{\"metadata\":{\"name\":\"a\","
	    "\"uid\":\"u\",\"generation\":3},\"spec\":{\"x\":1}}");
	AUTO_JSON json_object *labelled = json("{\"metadata\":{\"uid\":\"no\","
	    "\"labels\":{\"a\":\"b\"}},\"spec\":{\"x\":1},\"status\":{}}");
	AUTO_JSON json_object *changed = json("{\"metadata\":{},"
	    "\"spec\":{\"x\":2}}");

	kmeta_keep(res, before, labelled);
	kmeta_keep(res, before, changed);

	assert_int_equal(jv_int(labelled, "metadata.generation", 0), 3);
	assert_string_equal(jv_str(labelled, "metadata.uid"), "u");
	assert_int_equal(jv_int(changed, "metadata.generation", 0), 4);
}

static void
base64_is_strict(void **state UNUSED)
{
	unsigned char *bytes;
	size_t n;

	assert_true(kcore_base64("aGkA", &bytes, &n));
	assert_int_equal(n, 3);
	assert_memory_equal(bytes, "hi", 3);
	free(bytes);
	assert_true(kcore_base64("aA==", &bytes, &n));
	assert_int_equal(n, 1);
	free(bytes);
	assert_true(kcore_base64("", &bytes, &n));
	assert_int_equal(n, 0);
	free(bytes);
	assert_false(kcore_base64("aA=", &bytes, &n));
	assert_false(kcore_base64("a!==", &bytes, &n));
}

/* The entries of some output, as a reader sees them. */
static void
show(struct klog_pick *pick, const char *entries, struct buf *out)
{
	for (const char *nl; (nl = strchr(entries, '\n')); entries = nl + 1)
		klog_show(pick, entries, (size_t)(nl - entries), out);
}

static void
output_becomes_entries_and_lines_again(void **state UNUSED)
{
	AUTO_BUF struct buf keep = BUF_INIT(2 * KLOG_ENTRY_MAX);
	AUTO_BUF struct buf entries = BUF_INIT(1024 * 1024);
	AUTO_BUF struct buf out = BUF_INIT(1024 * 1024);
	AUTO_BUF struct buf in = BUF_INIT(1024 * 1024);
	struct klog_pick pick = { 0 };

	buf_addstr(&in, "one\n\ntwo\n");
	for (int i = 0; i < 40000; i++)
		buf_addch(&in, 'x');
	buf_addstr(&in, "\nlast, without an end");
	for (size_t at = 0; at < in.len; at += 7)
		klog_feed(&keep, in.data + at,
		    in.len - at < 7 ? in.len - at : 7, &entries);
	klog_finish(&keep, &entries);
	show(&pick, entries.data, &out);

	assert_true(buf_ok(&out));
	assert_string_equal(out.data, in.data);
}

static void
a_log_is_read_from_a_time_on(void **state UNUSED)
{
	static const char entries[] =
	    "2026-11-23T10:00:00.000000001Z F early\n"
	    "no entry at all\n"
	    "2026-11-23T10:00:00.500000000Z P in two \n"
	    "2026-11-23T10:00:00.600000000Z F pieces\n";
	AUTO_BUF struct buf out = BUF_INIT(4096);
	struct klog_pick pick = { .timestamps = true };

	assert_true(klog_parse_time("2026-11-23T10:00:00.5Z", pick.since));
	show(&pick, entries, &out);

	assert_string_equal(out.data,
	    "2026-11-23T10:00:00.500000000Z in two pieces\n");
	assert_false(klog_parse_time("yesterday", pick.since));
	assert_true(klog_parse_time("2026-11-23T11:00:00+01:00", pick.since));
	assert_string_equal(pick.since, "2026-11-23T10:00:00.000000000Z");
}

static void
the_tail_of_a_log_is_found_from_its_end(void **state UNUSED)
{
	AUTO_BUF struct buf text = BUF_INIT(1024 * 1024);
	char path[] = "/tmp/klog-XXXXXX";
	AUTO_FD int fd = mkstemp(path);

	for (int i = 0; i < 5000; i++)
		buf_addf(&text, "line %04d\n", i);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	unlink(path);

	assert_int_equal(klog_tail(fd, (int64_t)text.len, 0), text.len);
	assert_int_equal(klog_tail(fd, (int64_t)text.len, 1),
	    text.len - 10);
	assert_int_equal(klog_tail(fd, (int64_t)text.len, 4000),
	    text.len - 40000);
	assert_int_equal(klog_tail(fd, (int64_t)text.len, 9999), 0);
}

static void
paths_that_leave_their_folder_are_seen(void **state UNUSED)
{
	assert_true(kfiles_is_below("a"));
	assert_true(kfiles_is_below("a/b..c/..d"));
	assert_false(kfiles_is_below("/a"));
	assert_false(kfiles_is_below(".."));
	assert_false(kfiles_is_below("a/../../b"));
	assert_false(kfiles_is_below(""));
}

/* Whether words stand in the arguments, one behind the other. */
static bool
has_args(const struct buf *args, const char *const *words, size_t n)
{
	for (size_t at = 0; at < args->len; at += strlen(args->data + at) + 1) {
		size_t i = 0, from = at;

		while (i < n && from < args->len &&
		    strcmp(args->data + from, words[i]) == 0) {
			from += strlen(words[i]) + 1;
			i++;
		}
		if (i == n)
			return true;
	}
	return false;
}

static void
a_missing_mount_point_is_made_in_a_folder_of_its_own(void **state UNUSED)
{
	static const char *const made[] = { "--dir", "/usr/share" };
	static const char *const kept[] = { "--ro-bind-try", "/usr/bin",
	    "/usr/bin" };
	static const char *const bound[] = { "--ro-bind", "/etc",
	    "/usr/share/no-such/place" };
	static const char *const whole[] = { "--ro-bind-try", "/var", "/var" };
	AUTO_BUF struct buf args = BUF_INIT(1024 * 1024);
	struct kroot root = { 0 };
	struct err err = ERR_INIT;

	assert_true(kroot_add(&root, KMOUNT_READ, "/etc",
	    "/usr/share/no-such/place/", &err));
	assert_true(kroot_args(&root, &args, &err));

	assert_true(has_args(&args, made, 2));
	assert_true(has_args(&args, kept, 3));
	assert_true(has_args(&args, bound, 3));
	assert_true(has_args(&args, whole, 3));
	kroot_release(&root);
}

static void
mounts_go_to_plain_absolute_places(void **state UNUSED)
{
	static const char *const bad[] = { "a", "", "/a/../b", "/a//b", "/a/.",
	    "/..", "/a/./b" };
	struct kroot root = { 0 };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (kroot_add(&root, KMOUNT_HIDE, NULL, bad[i], &err))
			fail_msg("'%s' was taken", bad[i]);
	kroot_release(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_merge_patch_follows_its_rfc),
		cmocka_unit_test(a_changed_spec_counts_and_a_label_does_not),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(output_becomes_entries_and_lines_again),
		cmocka_unit_test(a_log_is_read_from_a_time_on),
		cmocka_unit_test(the_tail_of_a_log_is_found_from_its_end),
		cmocka_unit_test(paths_that_leave_their_folder_are_seen),
		cmocka_unit_test(
		    a_missing_mount_point_is_made_in_a_folder_of_its_own),
		cmocka_unit_test(mounts_go_to_plain_absolute_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
