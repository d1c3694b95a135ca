#include "config.h"

#include "agent_say.h"

#include "buf.h"
#include "jv.h"

#define MS_MAX 253402300800000	/* the year 10000 */
#define VERSION_MAX (INT64_C(1) << 53)
#define BYTES_MAX (INT64_C(1) << 40)

static const char *const words[] = {
	[STATEMENT_WAITING] = "waiting",
	[STATEMENT_RUNNING] = "running",
	[STATEMENT_AVAILABLE] = "available",
	[STATEMENT_CANCELLING] = "cancelling",
	[STATEMENT_CANCELLED] = "cancelled",
};

/* The states that an agent may claim. */
static const enum livy_state claims[] = { LIVY_STARTING, LIVY_IDLE,
	LIVY_BUSY, LIVY_SHUTTING_DOWN, LIVY_ERROR, LIVY_DEAD };

const char *
statement_state_word(enum statement_state state)
{
	return words[state];
}

static bool
take_state(struct jpart value, enum statement_state *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (jscan_is(value, words[i])) {
			*ret = (enum statement_state)i;
			return true;
		}
	return false;
}

/* A number from 0 to 1 as its own text: digits stay what they were. */
static bool
take_progress(struct jpart value, char ret[AGENT_PROGRESS_MAX])
{
	char *end;
	double n;

	if (value.len >= AGENT_PROGRESS_MAX ||
	    jv_number(value.at, value.len) != value.len)
		return false;
	memcpy(ret, value.at, value.len);
	ret[value.len] = '\0';
	n = strtod(ret, &end);
	return !*end && n >= 0 && n <= 1;
}

static bool
take_id(struct jpart value, int32_t *ret)
{
	int64_t n;

	if (!jscan_int(value, 0, ID_MAX, &n))
		return false;
	*ret = (int32_t)n;
	return true;
}

static bool
take_member(struct statement *s, struct jpart key, struct jpart value)
{
	if (jscan_is(key, "id"))
		return take_id(value, &s->id);
	if (jscan_is(key, "state"))
		return take_state(value, &s->state);
	if (jscan_is(key, "progress"))
		return take_progress(value, s->progress);
	if (jscan_is(key, "started"))
		return jscan_int(value, 0, MS_MAX, &s->started);
	if (jscan_is(key, "completed"))
		return jscan_int(value, 0, MS_MAX, &s->completed);
	if (jscan_is(key, "outputBytes"))
		return jscan_int(value, 0, BYTES_MAX, &s->output_bytes);
	if (jscan_is(key, "code")) {
		s->code = value;
		return jscan_is_string(value);
	}
	if (jscan_is(key, "output")) {
		s->output = value;
		return jscan_is_object(value) || jscan_is_null(value);
	}
	return true;	/* of a newer agent */
}

bool
agent_say_statement(struct jpart object, struct statement *ret)
{
	struct statement s = { .id = -1, .progress = "0.0" };
	struct jpart key, value;
	size_t cursor = 0;

	if (!jscan_is_object(object))
		return false;
	while (jscan_member(object, &cursor, &key, &value))
		if (!take_member(&s, key, value))
			return false;
	if (jscan_is_null(s.output))
		s.output.at = NULL;
	if (s.id < 0)
		return false;
	*ret = s;
	return true;
}

static void
add_part(struct buf *out, struct jpart part)
{
	if (part.at)
		buf_add(out, part.at, part.len);
	else
		buf_addstr(out, "null");
}

void
statement_json(const struct statement *s, struct buf *out)
{
	buf_addf(out, "{\"id\":%d,\"code\":", (int)s->id);
	add_part(out, s->code);
	buf_addf(out, ",\"state\":\"%s\",\"output\":", words[s->state]);
	add_part(out, s->output);
	buf_addf(out, ",\"progress\":%s,\"started\":%lld,\"completed\":%lld}",
	    s->progress, (long long)s->started, (long long)s->completed);
}

static bool
take_session_state(struct jpart value, enum livy_state *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(claims); i++)
		if (jscan_is(value, livy_state_word(claims[i]))) {
			*ret = claims[i];
			return true;
		}
	return false;
}

/* One line of text, cut to size at a character; control bytes are blanks. */
static bool
take_line(struct jpart value, char *ret, size_t size)
{
	AUTO_BUF struct buf text = BUF_INIT(1 << 20);
	size_t n;

	if (!jscan_text(value, &text) || !buf_ok(&text))
		return false;
	n = text.len;
	if (n >= size)
		for (n = size - 1; n > 0 &&
		    ((unsigned char)text.data[n] & 0xc0) == 0x80;)
			n--;
	memcpy(ret, text.data, n);
	ret[n] = '\0';
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return true;
}

/* What tells one agent's life from the next: letters that need no care. */
static bool
take_instance(struct jpart value, char ret[AGENT_INSTANCE_MAX + 1])
{
	size_t n = value.len;

	if (!jscan_is_string(value) || n < 3 || n - 2 > AGENT_INSTANCE_MAX)
		return false;
	memcpy(ret, value.at + 1, n - 2);
	ret[n - 2] = '\0';
	return strspn(ret, "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-") == n - 2;
}

static bool
take_fact(struct agent_state *a, struct jpart key, struct jpart value)
{
	if (jscan_is(key, "instance"))
		return take_instance(value, a->instance);
	if (jscan_is(key, "version"))
		return jscan_int(value, 0, VERSION_MAX, &a->version);
	if (jscan_is(key, "state"))
		return take_session_state(value, &a->state);
	if (jscan_is(key, "reason"))
		return jscan_is_null(value) ||
		    take_line(value, a->reason, sizeof a->reason);
	if (jscan_is(key, "next"))
		return take_id(value, &a->next);
	if (jscan_is(key, "total"))
		return take_id(value, &a->total);
	if (jscan_is(key, "heartbeatMs"))
		return jscan_int(value, 0, MS_MAX, &a->heartbeat_ms);
	if (jscan_is(key, "changed")) {
		a->changed = value;
		return jscan_is_array(value);
	}
	return true;
}

/* Each is a statement, their ids rise and are below next. */
static bool
check_changed(const struct agent_state *a)
{
	struct statement s;
	struct jpart one;
	size_t cursor = 0;
	int32_t last = -1;

	while (jscan_element(a->changed, &cursor, &one)) {
		if (!agent_say_statement(one, &s) || s.id <= last ||
		    s.id >= a->next)
			return false;
		last = s.id;
	}
	return true;
}

bool
agent_say_state(const char *text, size_t len, struct agent_state *ret)
{
	struct agent_state a = { .version = -1, .next = -1, .total = -1,
		.state = LIVY_NOT_STARTED };
	struct jpart whole, key, value;
	size_t cursor = 0;

	if (!jscan_check(text, len, &whole) || !jscan_is_object(whole))
		return false;
	while (jscan_member(whole, &cursor, &key, &value))
		if (!take_fact(&a, key, value))
			return false;
	if (!*a.instance || a.version < 0 || a.state == LIVY_NOT_STARTED ||
	    a.next < 0 || a.total < 0 || a.total > a.next ||
	    !a.changed.at || !check_changed(&a))
		return false;
	*ret = a;
	return true;
}
