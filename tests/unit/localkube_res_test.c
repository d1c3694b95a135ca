#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "jv.h"
#include "localkube_res.h"
#include "localkube_sel.h"

static enum kpath_result
parse(const char *path, struct kpath *ret)
{
	return kpath_parse(path, ret);
}

static void
a_path_is_taken_apart(void **state UNUSED)
{
	struct kpath p;

	assert_int_equal(parse("/apis/sparkoperator.k8s.io/v1beta2/namespaces/"
	    "ns/sparkapplications/a/status", &p), KPATH_OK);
	assert_int_equal(p.res->id, KRES_APP);
	assert_string_equal(p.ns, "ns");
	assert_string_equal(p.name, "a");
	assert_string_equal(p.sub, "status");

	assert_int_equal(parse("/api/v1/pods", &p), KPATH_OK);
	assert_int_equal(p.res->id, KRES_POD);
	assert_string_equal(p.ns, "");
	assert_string_equal(p.name, "");
}

static void
what_follows_a_proxy_stays_raw(void **state UNUSED)
{
	struct kpath p;

	assert_int_equal(parse("/api/v1/namespaces/n/pods/p:80/proxy/a%2Fb//c",
	    &p), KPATH_OK);
	assert_string_equal(p.name, "p:80");
	assert_string_equal(p.sub, "proxy");
	assert_string_equal(p.rest, "/a%2Fb//c");
}

static void
a_namespace_is_an_object_too(void **state UNUSED)
{
	struct kpath p;

	assert_int_equal(parse("/api/v1/namespaces/n", &p), KPATH_OK);
	assert_int_equal(p.res->id, KRES_NAMESPACE);
	assert_string_equal(p.name, "n");
	assert_string_equal(p.ns, "");
	assert_int_equal(parse("/api/v1/namespaces", &p), KPATH_OK);
	assert_string_equal(p.name, "");
}

static void
unknown_groups_and_resources_are_told_apart(void **state UNUSED)
{
	struct kpath p;

	assert_int_equal(parse("/", &p), KPATH_NO_PAGE);
	assert_int_equal(parse("/nope", &p), KPATH_NO_PAGE);
	assert_int_equal(parse("/api/v2/pods", &p), KPATH_NO_PAGE);
	assert_int_equal(parse("/apis/x/v1/things", &p), KPATH_NO_PAGE);
	assert_int_equal(parse("/api/v1", &p), KPATH_NO_RESOURCE);
	assert_int_equal(parse("/api/v1/things", &p), KPATH_NO_RESOURCE);
	assert_int_equal(parse("/api/v1/namespaces/n/leases", &p),
	    KPATH_NO_RESOURCE);
}

static void
names_that_are_malformed_or_too_long_are_refused(void **state UNUSED)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	struct kpath p;

	assert_int_not_equal(parse("/api/v1/namespaces/n/pods/a%zz", &p),
	    KPATH_OK);
	assert_int_not_equal(parse("/api/v1/namespaces/n/pods/a%00b", &p),
	    KPATH_OK);
	assert_int_not_equal(parse("/api/v1/namespaces/n/pods/a%4", &p),
	    KPATH_OK);
	buf_addstr(&path, "/api/v1/namespaces/n/pods/");
	for (int i = 0; i < 300; i++)
		buf_addch(&path, 'a');
	assert_int_not_equal(parse(path.data, &p), KPATH_OK);
}

static void
a_query_is_decoded(void **state UNUSED)
{
	struct kquery q;

	kquery_parse("a=1&b=x+y%3D&empty=&flag&bad=%zz&c=a=b", &q);

	assert_string_equal(kquery_get(&q, "a"), "1");
	assert_string_equal(kquery_get(&q, "b"), "x y=");
	assert_string_equal(kquery_get(&q, "empty"), "");
	assert_string_equal(kquery_get(&q, "flag"), "");
	assert_string_equal(kquery_get(&q, "c"), "a=b");
	assert_null(kquery_get(&q, "bad"));
	assert_true(kquery_true(&q, "a"));
	assert_false(kquery_true(&q, "flag"));
	kquery_release(&q);
	kquery_parse(NULL, &q);
	assert_int_equal(q.n, 0);
}

/* Whether a selector takes the labels a=1, b=2. */
static bool
selects(const char *text)
{
	static char a[] = "a", one[] = "1", b[] = "b", two[] = "2";
	char *const labels[] = { a, one, b, two };
	struct ksel sel;
	AUTO_KST struct kst st = KST_INIT;
	bool ok;

	if (!ksel_parse_labels(text, &sel, &st))
		fail_msg("%s: %s", text, jv_str(st.body, "message"));
	ok = ksel_match(&sel, labels, 2);
	ksel_release(&sel);
	return ok;
}

static void
labels_are_selected_by_every_operator(void **state UNUSED)
{
	static const char *const yes[] = { "", "a", "a=1", "a==1", "a!=2",
	    "c!=1", "a in (1)", "a in (0, 1)", "a notin (2,3)", "c notin (1)",
	    "!c", " a = 1 , b=2 ", "a,b,!c" };
	static const char *const no[] = { "c", "a=2", "a=", "a!=1",
	    "a in (2)", "a notin (1)", "!a", "a=1,b=3", "a in ()" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!selects(yes[i]))
			fail_msg("'%s' does not select", yes[i]);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (selects(no[i]))
			fail_msg("'%s' selects", no[i]);
	assert_true(selects(NULL));
}

static void
bad_selectors_are_refused(void **state UNUSED)
{
	static const char *const bad[] = { "a b", "a in", "a in 1", "a in (1",
	    "=1", ",a", "a,", "a=1=2", "!", "a!", "(", "a in (1) b" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_KST struct kst st = KST_INIT;
		struct ksel sel;

		if (ksel_parse_labels(bad[i], &sel, &st))
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(st.code, 400);
		ksel_release(&sel);
	}
}

static void
fields_are_selected_if_the_resource_has_them(void **state UNUSED)
{
	AUTO_KST struct kst st = KST_INIT;
	AUTO_JSON json_object *pod = json_tokener_parse(
	    "{\"metadata\":{\"name\":\"p\"},"
	    "\"status\":{\"phase\":\"Failed\"}}");
	struct ksel sel;

	assert_true(ksel_parse_fields("metadata.name=p,status.phase!=Running",
	    &kres_table[KRES_POD], &sel, &st));
	assert_true(ksel_match_fields(&sel, pod));
	ksel_release(&sel);
	assert_true(ksel_parse_fields("spec.nodeName=x",
	    &kres_table[KRES_POD], &sel, &st));
	assert_false(ksel_match_fields(&sel, pod));
	ksel_release(&sel);
	assert_false(ksel_parse_fields("status.phase=x",
	    &kres_table[KRES_APP], &sel, &st));
	assert_string_equal(jv_str(st.body, "message"),
	    "field label not supported: status.phase");
	ksel_release(&sel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_taken_apart),
		cmocka_unit_test(what_follows_a_proxy_stays_raw),
		cmocka_unit_test(a_namespace_is_an_object_too),
		cmocka_unit_test(unknown_groups_and_resources_are_told_apart),
		cmocka_unit_test(
		    names_that_are_malformed_or_too_long_are_refused),
		cmocka_unit_test(a_query_is_decoded),
		cmocka_unit_test(labels_are_selected_by_every_operator),
		cmocka_unit_test(bad_selectors_are_refused),
		cmocka_unit_test(fields_are_selected_if_the_resource_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
