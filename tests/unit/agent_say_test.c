#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent_say.h"
#include "buf.h"

#define STATE(more) "{\"instance\":\"abc-1\",\"version\":7," \
	"\"state\":\"busy\",\"reason\":null,\"next\":3,\"total\":2," \
	"\"heartbeatMs\":5000,\"new\":{\"x\":[1]},\"changed\":[" more "]}"
#define RUNS "{\"id\":1,\"state\":\"running\",\"progress\":0.25," \
	"\"started\":5,\"completed\":0,\"outputBytes\":0,\"code\":\"1+1\"}"
#define OVER "{\"id\":2,\"state\":\"available\",\"progress\":1.0," \
	"\"started\":5,\"completed\":9,\"output\":{\"status\":\"ok\"," \
	"\"n\":1.2300},\"code\":\"a\\nb\"}"

static bool
says(const char *text, struct agent_state *ret)
{
	return agent_say_state(text, strlen(text), ret);
}

static void
a_state_is_read(void **state UNUSED)
{
	struct agent_state a;

	assert_true(says(STATE(RUNS "," OVER), &a));
	assert_string_equal(a.instance, "abc-1");
	assert_int_equal(a.version, 7);
	assert_int_equal(a.state, LIVY_BUSY);
	assert_string_equal(a.reason, "");
	assert_int_equal(a.next, 3);
	assert_int_equal(a.total, 2);
	assert_int_equal(a.heartbeat_ms, 5000);
}

static void
statements_are_given_as_livy_does(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct statement s;
	struct jpart p;

	assert_true(jscan_check(OVER, strlen(OVER), &p));
	assert_true(agent_say_statement(p, &s));
	statement_json(&s, &b);
	assert_string_equal(b.data, "{\"id\":2,\"code\":\"a\\nb\","
	    "\"state\":\"available\",\"output\":{\"status\":\"ok\","
	    "\"n\":1.2300},\"progress\":1.0,\"started\":5,\"completed\":9}");
}

static void
lies_are_refused(void **state UNUSED)
{
	static const char *const lies[] = {
		/* ids that fall, repeat, or are beyond the next one */
		STATE(OVER "," RUNS), STATE(RUNS "," RUNS),
		STATE("{\"id\":3}"), STATE("{\"id\":-1}"), STATE("{}"),
		STATE("{\"id\":1.0}"), STATE("{\"id\":\"1\"}"), STATE("1"),
		STATE("{\"id\":1,\"state\":\"done\"}"),
		STATE("{\"id\":1,\"progress\":1.5}"),
		STATE("{\"id\":1,\"progress\":-0.5}"),
		STATE("{\"id\":1,\"progress\":null}"),
		STATE("{\"id\":1,\"progress\":0.00000000000000000000000001}"),
		STATE("{\"id\":1,\"started\":-1}"),
		STATE("{\"id\":1,\"completed\":99999999999999999}"),
		STATE("{\"id\":1,\"code\":1}"),
		STATE("{\"id\":1,\"output\":\"text\"}"),
		STATE("{\"id\":1,\"outputBytes\":-1}"),
		/* of the session */
		"{}", "[]", "null", "", "{\"state\":\"idle\"}",
		"{\"instance\":\"\",\"version\":1,\"state\":\"idle\","
		    "\"next\":0,\"total\":0,\"changed\":[]}",
		"{\"instance\":\"a b\",\"version\":1,\"state\":\"idle\","
		    "\"next\":0,\"total\":0,\"changed\":[]}",
		"{\"instance\":\"a\",\"version\":1,\"state\":\"success\","
		    "\"next\":0,\"total\":0,\"changed\":[]}",
		"{\"instance\":\"a\",\"version\":1,\"state\":\"idle\","
		    "\"next\":1,\"total\":2,\"changed\":[]}",
		"{\"instance\":\"a\",\"version\":1,\"state\":\"idle\","
		    "\"next\":99999999999,\"total\":0,\"changed\":[]}",
		"{\"instance\":\"a\",\"version\":1,\"state\":\"idle\","
		    "\"next\":1,\"total\":0,\"changed\":{}}",
		"{\"instance\":\"a\",\"version\":1,\"state\":\"idle\","
		    "\"next\":1,\"total\":0,\"changed\":[]} x",
	};
	struct agent_state a;

	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		if (says(lies[i], &a))
			fail_msg("taken: %s", lies[i]);
}

static void
a_reason_is_one_short_line(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct agent_state a;

	buf_addstr(&b, "{\"instance\":\"a\",\"version\":1,\"state\":\"error\","
	    "\"next\":0,\"total\":0,\"changed\":[],\"reason\":\"a\\nb");
	for (int i = 0; i < 400; i++)
		buf_addstr(&b, "\xc3\xa9");
	buf_addstr(&b, "\"}");
	assert_true(says(b.data, &a));
	assert_memory_equal(a.reason, "a b\xc3\xa9", 5);
	assert_true(strlen(a.reason) >= AGENT_REASON_MAX - 1);
	assert_int_equal((unsigned char)a.reason[strlen(a.reason) - 1], 0xa9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_is_read),
		cmocka_unit_test(statements_are_given_as_livy_does),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(a_reason_is_one_short_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
