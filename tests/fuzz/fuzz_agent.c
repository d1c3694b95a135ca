#include "config.h"

#include <assert.h>

#include "agent_say.h"
#include "buf.h"
#include "fuzz.h"
#include "statement_list.h"

/* Whatever an agent says, what clients get of it is JSON. */
static void
check_statement(const struct statement *s)
{
	AUTO_BUF struct buf json = BUF_INIT(1 << 20);

	assert(s->id >= 0 && s->started >= 0 && s->completed >= 0);
	statement_json(s, &json);
	assert(buf_ok(&json) && fuzz_is_json(json.data, json.len));
}

static void
check_text(const char *text, size_t len, bool desc)
{
	const struct statement_page page = { .from = 1, .size = 3,
		.desc = desc };
	AUTO_BUF struct buf out = BUF_INIT(1 << 20);
	struct statement s;

	if (statement_list_text(text, len, &page, &out))
		assert(fuzz_is_json(out.data, out.len));
	buf_clear(&out);
	if (statement_list_text(text, len, NULL, &out))
		assert(fuzz_is_json(out.data, out.len));
	if (statement_list_find(text, len, 1, &s))
		check_statement(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	AUTO_BUF struct buf decoded = BUF_INIT(1 << 20);
	struct agent_state say;
	struct statement s;
	struct jpart whole, one;
	size_t cursor = 0;

	if (!jscan_check(text, size, &whole))
		return 0;
	assert(whole.at >= text && whole.at + whole.len <= text + size);
	if (jscan_text(whole, &decoded))
		assert(jscan_is_string(whole));
	if (agent_say_statement(whole, &s))
		check_statement(&s);
	check_text(text, size, false);
	check_text(text, size, true);
	if (!agent_say_state(text, size, &say))
		return 0;
	assert(strlen(say.reason) <= AGENT_REASON_MAX);
	while (jscan_element(say.changed, &cursor, &one)) {
		assert(agent_say_statement(one, &s) && s.id < say.next);
		check_statement(&s);
	}
	return 0;
}
