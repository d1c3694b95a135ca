#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "tmpl.h"
#include "tmpl_err.h"

#define APPLICATION(x) "application = { apiVersion = \"a/v1\"; kind = \"K\"; " \
	"spec = { type = \"t\"; sparkVersion = \"3\"; " \
	"mainApplicationFile = \"f\"; driver = { }; executor = { };\n" x " }; };"
#define CHILD(x) "extends = \"base.cfg\"; application = { spec = {\n" x " }; };"

static char dir[] = "/tmp/livy-fcgi-extend-XXXXXX";

static int
make_dir(void **state UNUSED)
{
	return mkdtemp(dir) ? 0 : -1;
}

static void
path_of(char ret[256], const char *name)
{
	snprintf(ret, 256, "%s/%s", dir, name);
}

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	path_of(path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
remove_dir(void **state UNUSED)
{
	static const char *const names[] = { "base.cfg", "child.cfg",
		"part.cfg", "again.cfg" };
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		path_of(path, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct tmpl *
load(const char *name, struct err *err)
{
	struct tmpl *t = NULL;
	char path[256];

	path_of(path, name);
	return read_template(path, &t, err) ? t : NULL;
}

/* What x is in a child that changes a base. */
static void
assert_x(const char *base, const char *child, const char *expected)
{
	AUTO_JSON json_object *vars = NULL;
	AUTO_JSON json_object *made = NULL;
	AUTO_BUF struct buf b = BUF_INIT(65536), c = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct tmpl *t;

	assert_true(jv_parse("{\"v\":{\"k\":\"v\"}}", 15, 4, &vars, &err));
	buf_addf(&b, APPLICATION("%s"), base);
	buf_addf(&c, CHILD("%s"), child);
	put("base.cfg", b.data);
	put("child.cfg", c.data);
	t = load("child.cfg", &err);
	if (!t || !tmpl_render(t, vars, &made, &err))
		fail_msg("%s: %s", child, err.msg);
	tmpl_free(t);
	assert_string_equal(jv_get(made, "spec.x") ?
	    jv_print(jv_get(made, "spec.x")) : "absent", expected);
}

static void
groups_are_merged_by_member(void **state UNUSED)
{
	assert_x("x = { a = 1; b = { c = 2; d = 3; }; };",
	    "x = { b = { d = 4; e = 5; }; f = 6; };",
	    "{\"a\":1,\"b\":{\"c\":2,\"d\":4,\"e\":5},\"f\":6}");
	assert_x("x = 1;", "x = \"text\";", "\"text\"");
	assert_x("x = { a = 1; };", "x = [ 1 ];", "[1]");
	assert_x("x = 1;", "y = 2;", "1");
	assert_x("y = 1;", "x = 2;", "2");
}

static void
a_member_is_taken_out_by_unset(void **state UNUSED)
{
	assert_x("x = { a = 1; b = 2; };", "x = { a = \"${unset}\"; };",
	    "{\"b\":2}");
	assert_x("x = ( (\"a\", 1), (\"b\", 2) );",
	    "x = ( (\"a\", \"${unset}\"), (\"c\", 3) );",
	    "{\"b\":2,\"c\":3}");
}

static void
maps_are_merged_by_key_in_their_place(void **state UNUSED)
{
	assert_x("x = ( (\"k\", \"soft\"), \"${v}\", (\"hard\", \"1\") );",
	    "x = ( (\"hard\", \"2\"), (\"more\", \"3\") );",
	    "{\"k\":\"v\",\"hard\":\"2\",\"more\":\"3\"}");
	assert_x("x = ( (\"a\", 1) );", "x = ( (\"b\", 2), \"${v}\" );",
	    "{\"b\":2,\"k\":\"v\"}");
}

static void
inherited_stands_for_the_others_items(void **state UNUSED)
{
	assert_x("x = [ 1, 2 ];", "x = ( 0, \"${inherited}\", 3 );",
	    "[0,1,2,3]");
	assert_x("x = ( (\"k\", \"a\"), \"${v}\" );",
	    "x = ( (\"n\", \"b\"), \"${inherited}\", (\"k\", \"c\") );",
	    "{\"n\":\"b\",\"k\":\"c\"}");
	assert_x("x = ( (\"a\", 1) );", "x = ( \"${inherited}\" );",
	    "{\"a\":1}");
	assert_x("x = { a = 1; };", "x = \"${inherited}\";", "{\"a\":1}");
	assert_x("x = [ 1 ];", "x = [ 2 ];", "[2]");
}

static void
lists_of_named_groups_are_merged_by_name(void **state UNUSED)
{
	assert_x("x = ( { name = \"a\"; env = ( { name = \"E\"; value = \"1\"; }"
	    " ); }, { name = \"b\"; } );",
	    "x = ( { name = \"a\"; env = ( { name = \"F\"; value = \"2\"; } );"
	    " image = \"i\"; }, { name = \"c\"; } );",
	    "[{\"name\":\"a\",\"env\":[{\"name\":\"E\",\"value\":\"1\"},"
	    "{\"name\":\"F\",\"value\":\"2\"}],\"image\":\"i\"},"
	    "{\"name\":\"b\"},{\"name\":\"c\"}]");
	assert_x("x = ( { name = \"v\"; mountPath = \"/a\"; } );",
	    "x = ( { name = \"v\"; mountPath = \"/b\"; } );",
	    "[{\"name\":\"v\",\"mountPath\":\"/a\"},"
	    "{\"name\":\"v\",\"mountPath\":\"/b\"}]");
}

static void
policy_and_defaults_are_merged_too(void **state UNUSED)
{
	AUTO_JSON json_object *made = NULL;
	AUTO_JSON json_object *vars = json_object_new_object();
	struct err err = ERR_INIT;
	struct tmpl *t;

	put("base.cfg", "policy = { refused_conf = [ \"a\" ]; };\n"
	    "defaults = { n = 1; m = 2; };\n"
	    APPLICATION("x = [ \"${n}\", \"${m}\" ];"));
	put("child.cfg", "extends = \"base.cfg\";\n"
	    "policy = { refused_conf = [ \"${inherited}\", \"b\" ]; };\n"
	    "defaults = { m = 3; };\n");
	t = load("child.cfg", &err);
	assert_non_null(t);
	assert_false(tmpl_conf_allowed(t, "a"));
	assert_false(tmpl_conf_allowed(t, "b"));
	assert_true(tmpl_conf_allowed(t, "c"));
	assert_true(tmpl_render(t, vars, &made, &err));
	assert_string_equal(jv_print(jv_get(made, "spec.x")), "[1,3]");
	tmpl_free(t);
}

static void
parts_are_included_from_the_same_folder(void **state UNUSED)
{
	AUTO_JSON json_object *made = NULL;
	AUTO_JSON json_object *vars = json_object_new_object();
	struct err err = ERR_INIT;
	struct tmpl *t;

	put("part.cfg", "x = { a = 1; };\n");
	put("base.cfg", APPLICATION("@include \"part.cfg\"\n"));
	t = load("base.cfg", &err);
	if (!t)
		fail_msg("%s", err.msg);
	assert_true(tmpl_render(t, vars, &made, &err));
	assert_string_equal(jv_print(jv_get(made, "spec.x")), "{\"a\":1}");
	tmpl_free(t);

	put("part.cfg", "x = {\n a = 4294967296; };\n");
	assert_null(load("base.cfg", &err));
	assert_non_null(strstr(err.msg, "/part.cfg:2: a: the integer"));
	put("part.cfg", "x = {\n a = ; };\n");
	assert_null(load("base.cfg", &err));
	assert_non_null(strstr(err.msg, "/part.cfg:2: syntax error"));
	put("part.cfg", "x = {\n a = \"${\"; };\n");
	assert_null(load("base.cfg", &err));
	assert_non_null(strstr(err.msg, "/part.cfg:2: a: no placeholder"));
}

static void
what_is_not_of_the_folder_is_refused(void **state UNUSED)
{
	static const char *const names[] = { "../base.cfg", "/etc/passwd",
		"a/b.cfg", "base", "", ".cfg", "base.cfg.x" };
	struct err err = ERR_INIT;
	char text[400];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(text, sizeof text, "extends = \"%s\";", names[i]);
		put("child.cfg", text);
		assert_null(load("child.cfg", &err));
		assert_non_null(strstr(err.msg,
		    ":1: extends must name a file of this folder"));
		snprintf(text, sizeof text, "\n@include \"%s\"\n", names[i]);
		put("child.cfg", text);
		assert_null(load("child.cfg", &err));
		assert_non_null(strstr(err.msg,
		    ":2: @include must name a file of this folder"));
	}
	put("child.cfg", "extends = \"none.cfg\";");
	assert_null(load("child.cfg", &err));
	assert_non_null(strstr(err.msg, "/none.cfg: No such file"));
}

static void
circles_end(void **state UNUSED)
{
	struct err err = ERR_INIT;

	put("child.cfg", "extends = \"again.cfg\";");
	put("again.cfg", "extends = \"child.cfg\";");
	assert_null(load("child.cfg", &err));
	assert_non_null(strstr(err.msg, "templates extend each other"));
	put("child.cfg", "@include \"again.cfg\"\n");
	put("again.cfg", "@include \"child.cfg\"\n");
	assert_null(load("child.cfg", &err));
	assert_non_null(strstr(err.msg, "'@include' is not supported so "
	    "deeply"));
}

static void
what_decides_a_value_is_told_with_its_line(void **state UNUSED)
{
	AUTO_JSON json_object *made = NULL;
	AUTO_JSON json_object *trace = NULL;
	AUTO_JSON json_object *vars = NULL;
	AUTO_JSON json_object *origins = NULL;
	static const char text[] = "{\"v\":{\"k\":\"v\"},\"n\":2}";
	struct err err = ERR_INIT;
	struct tmpl *t;
	const char *by;

	assert_true(jv_parse(text, strlen(text), 4, &vars, &err));
	origins = json_object_new_object();
	jv_set_str(origins, "n", "field");
	put("base.cfg", "defaults = { d = 1; };\n" APPLICATION(
	    "x = ( (\"k\", \"t\"),\n\"${v}\" ); y = [ \"${n}\", \"${d}\" ];"));
	put("child.cfg", CHILD("z = 1;"));
	t = load("child.cfg", &err);
	assert_non_null(t);
	assert_true(tmpl_explain(t, vars, origins, &made, &trace, &err));
	by = jv_str(jv_member(trace, "spec.x.k"), "by");
	assert_non_null(strstr(by, "v, the gateway (over "));
	assert_non_null(strstr(by, "base.cfg:3: the template)"));
	assert_non_null(strstr(jv_str(jv_member(trace, "spec.x.k"), "at"),
	    "/base.cfg:4"));
	assert_string_equal(jv_str(jv_member(trace, "spec.y[0]"), "by"),
	    "n, field");
	assert_non_null(strstr(jv_str(jv_member(trace, "spec.y[1]"), "by"),
	    "d, default at "));
	assert_non_null(strstr(jv_str(jv_member(trace, "spec.z"), "at"),
	    "/child.cfg:2"));
	tmpl_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_merged_by_member),
		cmocka_unit_test(a_member_is_taken_out_by_unset),
		cmocka_unit_test(maps_are_merged_by_key_in_their_place),
		cmocka_unit_test(inherited_stands_for_the_others_items),
		cmocka_unit_test(lists_of_named_groups_are_merged_by_name),
		cmocka_unit_test(policy_and_defaults_are_merged_too),
		cmocka_unit_test(parts_are_included_from_the_same_folder),
		cmocka_unit_test(what_is_not_of_the_folder_is_refused),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(what_decides_a_value_is_told_with_its_line),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
