#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "tmpl.h"
#include "tmpl_err.h"

#define APPLICATION_START \
	"application = { apiVersion = \"a/v1\"; kind = \"K\"; " \
	"spec = { type = \"t\"; sparkVersion = \"3\"; " \
	"mainApplicationFile = \"f\"; driver = { }; executor = { }; "
#define APPLICATION_END " }; };"

static struct tmpl *
load(const char *text, struct err *err)
{
	char path[] = "/tmp/livy-fcgi-tmpl-XXXXXX";
	struct tmpl *t = NULL;
	FILE *f = fdopen(mkstemp(path), "w");

	fputs(text, f);
	fclose(f);
	if (!read_template(path, &t, err))
		t = NULL;
	unlink(path);
	return t;
}

static struct tmpl *
load_spec(const char *spec, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(1 << 16);

	buf_addf(&text, APPLICATION_START "\n%s" APPLICATION_END, spec);
	return load(text.data, err);
}

static json_object *
json_new(const char *text)
{
	json_object *o = NULL;
	struct err err = ERR_INIT;

	assert_true(jv_parse(text, strlen(text), JV_DEPTH_KUBE, &o, &err));
	return o;
}

/* What "x = ...;" in a template becomes; NULL and err on failure. Static. */
static const char *
rendered_x(const char *spec, const char *vars, struct err *err)
{
	static char out[4096];
	AUTO_JSON json_object *values = json_new(vars);
	AUTO_JSON json_object *made = NULL;
	struct tmpl *t = load_spec(spec, err);

	if (!t || !tmpl_render(t, values, &made, err)) {
		tmpl_free(t);
		return NULL;
	}
	snprintf(out, sizeof out, "%s", !jv_get(made, "spec.x") ? "absent" :
	    jv_print(jv_get(made, "spec.x")));
	tmpl_free(t);
	return out;
}

static void
assert_x(const char *spec, const char *vars, const char *expected)
{
	struct err err = ERR_INIT;
	const char *got = rendered_x(spec, vars, &err);

	if (!got)
		fail_msg("%s: %s", spec, err.msg);
	assert_string_equal(got, expected);
}

/* The reason without the path of the temporary file, from ":LINE: " on. */
static void
assert_refused(const char *spec, const char *vars, const char *reason)
{
	struct err err = ERR_INIT;
	const char *got = rendered_x(spec, vars, &err);

	if (got)
		fail_msg("%s gave %s", spec, got);
	assert_int_equal(err.status, 500);
	assert_memory_equal(err.msg, "/tmp/livy-fcgi-tmpl-", 20);
	assert_string_equal(strchr(err.msg, ':'), reason);
}

static void
values_keep_their_types(void **state UNUSED)
{
	assert_x("x = { a = 1; b = -5000000000L; c = 0x1f; d = true; e = 0.1; "
	    "f = 2.0; g = 1e40; h = \"text\"; i = { }; j = ( ); k = [ ]; };",
	    "{}", "{\"a\":1,\"b\":-5000000000,\"c\":31,\"d\":true,\"e\":0.1,"
	    "\"f\":2.0,\"g\":1e+40,\"h\":\"text\",\"i\":{},\"j\":[],\"k\":[]}");
	assert_x("x = ( 1, [ \"a\", \"b\" ], ( { c = 1; } ), false );", "{}",
	    "[1,[\"a\",\"b\"],[{\"c\":1}],false]");
}

static void
a_list_of_groups_stays_a_list(void **state UNUSED)
{
	assert_x("x = ( { name = \"A\"; value = \"1\"; } );", "{}",
	    "[{\"name\":\"A\",\"value\":\"1\"}]");
}

static void
a_list_of_pairs_is_a_map_with_free_keys(void **state UNUSED)
{
	assert_x("x = ( (\"spark.ui.enabled\", \"true\"), (\"a/b\", 2), "
	    "(\"list\", (\"p\", \"q\")), (\"map\", ((\"k\", \"v\"))) );", "{}",
	    "{\"spark.ui.enabled\":\"true\",\"a/b\":2,\"list\":[\"p\",\"q\"],"
	    "\"map\":{\"k\":\"v\"}}");
	assert_refused("x = ( (\"a\", 1),\n 2 );", "{}", ":3: x: in a map each item "
	    "must be a pair or a lone placeholder");
	assert_refused("x = ( (\"a\", 1), \"text\" );", "{}", ":2: x: in a map each "
	    "item must be a pair or a lone placeholder");
	assert_refused("x = ( (\"\", 1) );", "{}", ":2: x: '' cannot be a key");
	assert_refused("x = ( (\"${a}\", 1) );", "{\"a\":\"b\"}",
	    ":2: x: '${a}' cannot be a key");
}

static void
a_lone_placeholder_keeps_its_type(void **state UNUSED)
{
	static const char *const values[] = { "2", "1.50", "true", "false",
		"\"\"", "\"2\"", "[1,null]", "[]", "{}", "{\"a\":{\"b\":[1]}}",
		"9223372036854775807" };
	char vars[100];

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		snprintf(vars, sizeof vars, "{\"v\":%s}", values[i]);
		assert_x("x = \"${v}\";", vars, values[i]);
	}
}

static void
a_lone_placeholder_without_value_removes_its_member(void **state UNUSED)
{
	assert_x("x = \"${v}\";", "{}", "absent");
	assert_x("x = \"${v}\";", "{\"v\":null}", "absent");
	assert_x("x = { a = 1; b = \"${v}\"; };", "{}", "{\"a\":1}");
	assert_x("x = ( 1, \"${v}\", 2 );", "{}", "[1,2]");
	assert_x("x = ( (\"a\", 1), (\"b\", \"${v}\") );", "{}", "{\"a\":1}");
	assert_x("x = ( (\"a\", 1), \"${v}\" );", "{}", "{\"a\":1}");
}

static void
a_lone_placeholder_as_an_item_is_spread(void **state UNUSED)
{
	assert_x("x = ( \"a\", \"${v}\", \"z\" );", "{\"v\":[\"b\",3]}",
	    "[\"a\",\"b\",3,\"z\"]");
	assert_x("x = [ \"a\", \"${v}\" ];", "{\"v\":[]}", "[\"a\"]");
	assert_x("x = ( \"a\", \"${v}\" );", "{\"v\":{\"k\":1}}",
	    "[\"a\",{\"k\":1}]");
	assert_x("x = ( (\"a\", 1), \"${v}\" );", "{\"v\":{\"b\":2}}",
	    "{\"a\":1,\"b\":2}");
	assert_refused("x = ( (\"a\", 1), \"${v}\" );", "{\"v\":[1]}",
	    ":2: x: is no map: 'v'");
	assert_refused("x = ( (\"a\", 1), \"${v}\" );", "{\"v\":\"s\"}",
	    ":2: x: is no map: 'v'");
}

static void
the_order_of_a_map_is_policy(void **state UNUSED)
{
	assert_x("x = ( (\"soft\", \"ours\"), \"${conf}\", (\"hard\", \"ours\") );",
	    "{\"conf\":{\"soft\":\"theirs\",\"hard\":\"theirs\",\"own\":\"1\"}}",
	    "{\"soft\":\"theirs\",\"hard\":\"ours\",\"own\":\"1\"}");
}

static void
inside_text_placeholders_are_replaced(void **state UNUSED)
{
	assert_x("x = \"gs://${b}/${n}-${t}${e}.\";",
	    "{\"b\":\"bucket\",\"n\":-7,\"t\":true,\"e\":\"\"}",
	    "\"gs://bucket/-7-true.\"");
	assert_x("x = \"${a}${a}\";", "{\"a\":\"1\"}", "\"11\"");
	assert_x("x = \"$${a} $ $$ $x {a} $$${a}\";", "{\"a\":\"1\"}",
	    "\"${a} $ $$ $x {a} $${a}\"");
}

static void
inside_text_a_missing_value_is_an_error(void **state UNUSED)
{
	assert_refused("y = 1;\nx = \"a-${v}\";", "{}", ":3: x: no value for 'v'");
	assert_refused("x = \" ${v}\";", "{\"v\":null}", ":2: x: no value for 'v'");
	assert_refused("x = \"a${v}\";", "{\"v\":[1]}",
	    ":2: x: no list or map can stand inside text: 'v'");
	assert_refused("x = \"a${v}\";", "{\"v\":{}}",
	    ":2: x: no list or map can stand inside text: 'v'");
}

static void
malformed_placeholders_are_refused_at_load(void **state UNUSED)
{
	static const char *const bad[] = { "${", "${}", "a ${b", "${b c}",
		"${1}", "${a.b}", "${${a}}", "${a}${", "${_a}" };
	struct err err = ERR_INIT;
	char spec[100];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(spec, sizeof spec, "x = \"%s\";", bad[i]);
		assert_null(load_spec(spec, &err));
		assert_non_null(strstr(err.msg, ":2: x: no placeholder: '"));
	}
}

static void
values_are_never_parsed_again(void **state UNUSED)
{
	assert_x("x = \"${v}\"; ", "{\"v\":\"ana\\\"; kind: Pod\\n${w}\"}",
	    "\"ana\\\"; kind: Pod\\n${w}\"");
	assert_x("x = { a = \"n-${v}\"; };",
	    "{\"v\":\"\\\"}, {\\\"b\\\": 1\",\"w\":\"secret\"}",
	    "{\"a\":\"n-\\\"}, {\\\"b\\\": 1\"}");
	assert_x("x = ( (\"a\", \"1\"), \"${v}\" );",
	    "{\"v\":{\"${w}\":\"${w}\"},\"w\":\"secret\"}",
	    "{\"a\":\"1\",\"${w}\":\"${w}\"}");
	assert_x("x = ( \"${v}\" );", "{\"v\":[\"${w}\"],\"w\":\"secret\"}",
	    "[\"${w}\"]");
}

static void
a_changed_manifest_changes_no_variable(void **state UNUSED)
{
	AUTO_JSON json_object *vars = json_new("{\"v\":{\"a\":{\"b\":1}}}");
	AUTO_JSON json_object *made = NULL;
	struct err err = ERR_INIT;
	struct tmpl *t = load_spec("x = \"${v}\"; y = ((\"k\",1), \"${v}\");",
	    &err);

	assert_true(tmpl_render(t, vars, &made, &err));
	json_object_object_add(jv_get(made, "spec.x"), "new", NULL);
	json_object_object_add(jv_get(made, "spec.y.a"), "new", NULL);

	assert_string_equal(jv_print(vars), "{\"v\":{\"a\":{\"b\":1}}}");
	tmpl_free(t);
}

static void
defaults_stand_for_what_is_unset(void **state UNUSED)
{
	AUTO_JSON json_object *unset = json_new("{\"n\":null}");
	AUTO_JSON json_object *set = json_new("{\"n\":3}");
	AUTO_JSON json_object *a = NULL;
	AUTO_JSON json_object *b = NULL;
	struct err err = ERR_INIT;
	struct tmpl *t = load("defaults = { n = 1; m = \"2g\"; };\n"
	    APPLICATION_START "x = ( \"${n}\", \"m=${m}\" );" APPLICATION_END,
	    &err);

	assert_non_null(t);
	assert_true(tmpl_render(t, unset, &a, &err));
	assert_true(tmpl_render(t, set, &b, &err));

	assert_string_equal(jv_print(jv_get(a, "spec.x")), "[1,\"m=2g\"]");
	assert_string_equal(jv_print(jv_get(b, "spec.x")), "[3,\"m=2g\"]");
	tmpl_free(t);
}

static void
the_check_finds_every_unknown_variable(void **state UNUSED)
{
	AUTO_JSON json_object *known = json_new("{\"a\":null,\"b\":\"s\"}");
	struct err err = ERR_INIT;
	struct tmpl *t = load_spec("x = ( \"${a}\", \"${b}\", \"${c}\",\n"
	    "((\"k\", \"z${d}\"), \"${e}\") );", &err);

	assert_non_null(t);
	assert_false(try_template(t, known, &err));

	assert_non_null(strstr(err.msg, ":2: x: unknown variable 'c'\n"));
	assert_non_null(strstr(err.msg, ":3: x: unknown variable 'd'\n"));
	assert_non_null(strstr(err.msg, ":3: x: unknown variable 'e'"));
	assert_null(strstr(err.msg, "'a'"));
	tmpl_free(t);
}

static void
the_check_refuses_text_with_what_may_be_unset(void **state UNUSED)
{
	AUTO_JSON json_object *known = json_new("{\"a\":null,\"b\":\"s\"}");
	struct err err = ERR_INIT;
	struct tmpl *good = load_spec("x = \"${a}\"; y = \"-${b}\";", &err);
	struct tmpl *bad = load_spec("x = \"-${a}\";", &err);

	assert_true(try_template(good, known, &err));
	assert_false(try_template(bad, known, &err));
	assert_non_null(strstr(err.msg, ":2: x: no value for 'a'"));
	tmpl_free(good);
	tmpl_free(bad);
}

static void
parts_of_a_template_are_checked(void **state UNUSED)
{
	static const struct { const char *text, *reason; } bad[] = {
		{ "", ": has no application = { ... }" },
		{ "application = 1;", ":1: 'application' must be a group" },
		{ "\npolices = { };", ":2: unknown part 'polices'" },
		{ "policy = { refuse = [ ]; };", ":1: unknown policy 'refuse'" },
		{ "policy = { refused_conf = \"a\"; };",
		    ":1: refused_conf must be a list of conf keys" },
		{ "policy = { allowed_conf = [ 1 ]; };",
		    ":1: allowed_conf must be a list of conf keys" },
		{ "policy = { allowed_conf = [ \"a*b\" ]; };",
		    ":1: allowed_conf must be a list of conf keys" },
		{ "application = { };", ":1: the application has no spec.type" },
		{ "defaults = { a-b = 1; };",
		    ":1: 'a-b' is no name for a variable" },
		{ "application = { a = 1; a = 2; };",
		    ":1: duplicate setting name" },
		{ "application = {\n a = 4294967296; };",
		    ":2: a: the integer 4294967296 is too large" },
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(load(bad[i].text, &err));
		if (!strstr(err.msg, bad[i].reason))
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
}

static void
a_template_that_is_not_there_says_so(void **state UNUSED)
{
	struct tmpl *t = NULL;
	struct err err = ERR_INIT;

	assert_false(read_template("/nonexistent/batch.cfg", &t, &err));
	assert_string_equal(err.msg,
	    "/nonexistent/batch.cfg: No such file or directory");
}

static void
policy_decides_over_conf_keys(void **state UNUSED)
{
	struct err err = ERR_INIT;
	struct tmpl *both = load("policy = { refused_conf = [ \"spark.master\", "
	    "\"spark.k.*\" ]; allowed_conf = [ \"spark.*\" ]; };"
	    APPLICATION_START APPLICATION_END, &err);
	struct tmpl *none = load(APPLICATION_START APPLICATION_END, &err);
	struct tmpl *closed = load("policy = { allowed_conf = [ ]; };"
	    APPLICATION_START APPLICATION_END, &err);

	assert_false(tmpl_conf_allowed(both, "spark.master"));
	assert_true(tmpl_conf_allowed(both, "spark.masters"));
	assert_true(tmpl_conf_allowed(both, "spark.maste"));
	assert_false(tmpl_conf_allowed(both, "spark.k.x"));
	assert_false(tmpl_conf_allowed(both, "spark.k."));
	assert_true(tmpl_conf_allowed(both, "spark.k"));
	assert_false(tmpl_conf_allowed(both, "livy.x"));
	assert_true(tmpl_conf_allowed(none, "anything"));
	assert_false(tmpl_conf_allowed(closed, "spark.x"));
	tmpl_free(both);
	tmpl_free(none);
	tmpl_free(closed);
}

static void
a_condition_decides_whether_a_value_is_there(void **state UNUSED)
{
	static const struct { const char *vars; bool set; } cases[] = {
		{ "{}", false }, { "{\"y\":null}", false },
		{ "{\"y\":false}", false }, { "{\"y\":\"false\"}", false },
		{ "{\"y\":true}", true }, { "{\"y\":\"true\"}", true },
		{ "{\"y\":0}", true }, { "{\"y\":\"\"}", true },
		{ "{\"y\":{}}", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool set = cases[i].set;

		assert_x("x = \"${7 if y}\";", cases[i].vars,
		    set ? "7" : "absent");
		assert_x("x = \"${7 unless y}\";", cases[i].vars,
		    set ? "absent" : "7");
		assert_x("x = { if = \"y\"; a = 1; };", cases[i].vars,
		    set ? "{\"a\":1}" : "absent");
		assert_x("x = ( 1, { unless = \"y\"; a = 1; } );",
		    cases[i].vars, set ? "[1]" : "[1,{\"a\":1}]");
		assert_x("x = ( (\"a\", 1), (\"b\", { if = \"y\"; }) );",
		    cases[i].vars, set ? "{\"a\":1,\"b\":{}}" :
		    "{\"a\":1}");
		assert_x("x = \"a${'-b' if y}\";", cases[i].vars,
		    set ? "\"a-b\"" : "\"a\"");
	}
}

static void
a_conditional_value_is_a_variable_or_stands_there(void **state UNUSED)
{
	assert_x("x = ( \"${v if v}\", \"${true if v}\", \"${false if v}\", "
	    "\"${-3 if v}\", \"${'it is' if v}\" );", "{\"v\":[1,2]}",
	    "[1,2,true,false,-3,\"it is\"]");
	assert_x("x = \"${v if v}\";", "{\"v\":{\"k\":1}}", "{\"k\":1}");
	assert_x("x = \"${'a if b' if v}\";", "{\"v\":1}", "\"a if b\"");
	assert_x("x = \"${unset}\";", "{}", "absent");
}

static void
malformed_conditions_are_refused(void **state UNUSED)
{
	static const char *const bad[] = { "${7}", "${true if}", "${ if y}",
		"${x if 7}", "${x if y z}", "${'a if y}", "${x  if y}",
		"${x if y if }", "${1.5 if y}" };
	struct err err = ERR_INIT;
	char spec[100];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(spec, sizeof spec, "x = \"%s\";", bad[i]);
		if (load_spec(spec, &err))
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(err.msg, ":2: x: no placeholder: '"));
	}
	assert_null(load_spec("x = { if = \"a b\"; };", &err));
	assert_non_null(strstr(err.msg, "if: 'a b' is no name"));
	assert_null(load_spec("x = [ \"${inherited}\" ];", &err));
	assert_non_null(strstr(err.msg, "nothing to inherit"));
}

static void
defaults_may_depend_on_the_request(void **state UNUSED)
{
	AUTO_JSON json_object *off = json_new("{}");
	AUTO_JSON json_object *on = json_new("{\"d\":true}");
	AUTO_JSON json_object *a = NULL;
	AUTO_JSON json_object *b = NULL;
	struct err err = ERR_INIT;
	struct tmpl *t = load("defaults = { n = \"${1 unless d}\"; };\n"
	    APPLICATION_START "x = ( \"${n}\", 0 );" APPLICATION_END, &err);

	assert_non_null(t);
	assert_true(tmpl_render(t, off, &a, &err));
	assert_true(tmpl_render(t, on, &b, &err));
	assert_string_equal(jv_print(jv_get(a, "spec.x")), "[1,0]");
	assert_string_equal(jv_print(jv_get(b, "spec.x")), "[0]");
	tmpl_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_keep_their_types),
		cmocka_unit_test(a_list_of_groups_stays_a_list),
		cmocka_unit_test(a_list_of_pairs_is_a_map_with_free_keys),
		cmocka_unit_test(a_lone_placeholder_keeps_its_type),
		cmocka_unit_test(
		    a_lone_placeholder_without_value_removes_its_member),
		cmocka_unit_test(a_lone_placeholder_as_an_item_is_spread),
		cmocka_unit_test(the_order_of_a_map_is_policy),
		cmocka_unit_test(inside_text_placeholders_are_replaced),
		cmocka_unit_test(inside_text_a_missing_value_is_an_error),
		cmocka_unit_test(malformed_placeholders_are_refused_at_load),
		cmocka_unit_test(values_are_never_parsed_again),
		cmocka_unit_test(a_changed_manifest_changes_no_variable),
		cmocka_unit_test(defaults_stand_for_what_is_unset),
		cmocka_unit_test(the_check_finds_every_unknown_variable),
		cmocka_unit_test(the_check_refuses_text_with_what_may_be_unset),
		cmocka_unit_test(parts_of_a_template_are_checked),
		cmocka_unit_test(a_template_that_is_not_there_says_so),
		cmocka_unit_test(policy_decides_over_conf_keys),
		cmocka_unit_test(a_condition_decides_whether_a_value_is_there),
		cmocka_unit_test(
		    a_conditional_value_is_a_variable_or_stands_there),
		cmocka_unit_test(malformed_conditions_are_refused),
		cmocka_unit_test(defaults_may_depend_on_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
