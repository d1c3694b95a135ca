#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "err.h"
#include "gw.h"
#include "session_token.h"

#define KEY_A "0123456789abcdef0123456789abcdef"
#define KEY_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static char path[64];

static int
setup(void **state UNUSED)
{
	snprintf(path, sizeof path, "/tmp/session_token_test.%d",
	    (int)getpid());
	return 0;
}

static int
teardown(void **state UNUSED)
{
	remove(path);
	return 0;
}

static void
write_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static struct session_keys *
keys_new(const char *text)
{
	struct session_keys *k = NULL;
	struct err err = ERR_INIT;

	write_file(text, 0600);
	if (!session_keys_read(path, &k, &err))
		fail_msg("%s", err.msg);
	return k;
}

static void
refused(const char *text, mode_t mode, const char *expected)
{
	struct session_keys *k = NULL;
	struct err err = ERR_INIT;

	write_file(text, mode);
	assert_false(session_keys_read(path, &k, &err));
	if (!strstr(err.msg, expected))
		fail_msg("'%s' is not in '%s'", expected, err.msg);
	assert_null(strstr(err.msg, "abcdef"));
}

static void
the_first_key_is_for_new_sessions(void **state UNUSED)
{
	struct session_keys *k = keys_new("# old and new\n\n 7\t" KEY_B
	    " \r\n3 " KEY_A);

	assert_int_equal(session_keys_version(k), 7);
	session_keys_free(k);
}

static void
a_key_file_that_is_no_good_is_refused_without_quoting_it(void **state UNUSED)
{
	refused("1 " KEY_A "\n", 0604, "may be read by anyone");
	refused("", 0600, "holds no session key");
	refused("# 1 " KEY_A "\n", 0600, "holds no session key");
	refused(KEY_A "\n", 0600, ":1: this line of the session keys: is not "
	    "\"VERSION KEY\"");
	refused("0 " KEY_A "\n", 0600, "is not \"VERSION KEY\"");
	refused("1 " KEY_A " x\n", 0600, "is not \"VERSION KEY\"");
	refused("1 0123456789abcdef0123456789abcde\n", 0600,
	    "not 32 to 128 characters");
	refused("1 " KEY_B KEY_B "f\n", 0600, "not 32 to 128 characters");
	refused("1 " KEY_A "\n#\n1 " KEY_B "\n", 0600,
	    ":3: this line of the session keys: has version 1 for a second");
}

static void
seventeen_keys_are_too_many(void **state UNUSED)
{
	char text[17 * 48] = "";
	size_t len = 0;

	for (int i = 1; i <= 17; i++)
		len += (size_t)snprintf(text + len, sizeof text - len,
		    "%d " KEY_A "\n", i);
	refused(text, 0600, ":17: this line of the session keys: is one key");
}

static void
a_file_that_is_not_there_is_named(void **state UNUSED)
{
	struct session_keys *k = NULL;
	struct err err = ERR_INIT;

	assert_false(session_keys_read("/nowhere/key", &k, &err));
	assert_string_equal(err.msg, "cannot read the session keys "
	    "'/nowhere/key': No such file or directory");
}

static void
token_of(const struct session_keys *k, int32_t version, const char *ns,
    const char *object, const char *uid, char ret[SESSION_TOKEN_HEX + 1])
{
	const struct gw gw = { .session_keys = k };
	const struct app_text text = { .ns = ns, .object = object };
	struct app app = { .kind = APP_SESSION, .key_version = version };
	struct err err = ERR_INIT;

	snprintf(app.uid, sizeof app.uid, "%s", uid);
	if (!session_token(&gw, &app, &text, ret, &err))
		fail_msg("%s", err.msg);
}

/*
 * Sessions of a gateway before and after this one: the value must not change.
 *	printf 'livy-fcgi token\n1\nns\nlivy-x-s-1\nu-1' |
 *	    openssl dgst -sha256 -hmac KEY
 */
static void
a_token_is_the_hmac_of_names_and_uid(void **state UNUSED)
{
	struct session_keys *k = keys_new("1 " KEY_A "\n");
	char token[SESSION_TOKEN_HEX + 1];

	token_of(k, 1, "ns", "livy-x-s-1", "u-1", token);
	assert_string_equal(token, "ec4a9bec37c5fadacc79bad7792fbe070aa7e4871b1d00ce16c970d4a05155db");
	session_keys_free(k);
}

static void
whatever_differs_the_token_does_too(void **state UNUSED)
{
	struct session_keys *k = keys_new("1 " KEY_A "\n2 " KEY_B "\n");
	char token[5][SESSION_TOKEN_HEX + 1];

	token_of(k, 1, "ns", "o", "u", token[0]);
	token_of(k, 2, "ns", "o", "u", token[1]);
	token_of(k, 1, "ns2", "o", "u", token[2]);
	token_of(k, 1, "ns", "o2", "u", token[3]);
	token_of(k, 1, "ns", "o", "u2", token[4]);
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(token[i], token[j]);
	session_keys_free(k);
}

static void
without_its_key_there_is_no_token(void **state UNUSED)
{
	struct session_keys *k = keys_new("2 " KEY_A "\n");
	const struct gw gw = { .session_keys = k };
	const struct app_text text = { .ns = "ns", .object = "o" };
	const struct app app = { .id = 4, .key_version = 1, .uid = "u" };
	char token[SESSION_TOKEN_HEX + 1];
	struct err err = ERR_INIT;

	assert_false(session_token(&gw, &app, &text, token, &err));
	assert_int_equal(err.status, 503);
	assert_string_equal(err.msg, "session 4 was made with key version 1, "
	    "which this server does not have");
	session_keys_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_key_is_for_new_sessions),
		cmocka_unit_test(
		    a_key_file_that_is_no_good_is_refused_without_quoting_it),
		cmocka_unit_test(seventeen_keys_are_too_many),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(a_token_is_the_hmac_of_names_and_uid),
		cmocka_unit_test(whatever_differs_the_token_does_too),
		cmocka_unit_test(without_its_key_there_is_no_token),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
