"""Rules of the source that no compiler checks."""

import ast
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
TEXT = {p.relative_to(TOP).as_posix(): p.read_text() for p in
        [*TOP.glob("fcgi/*.[ch]"), *TOP.glob("deploy/**/*.[ch]"),
         *TOP.glob("tests/**/*.[ch]")]}
# Modules without I/O, globals and log, so that tests need no process.
PURE = ("app", "batch_req", "buf", "coding", "err", "jackson", "jv", "livy", "num",
        "query", "tmpl")


def users_of(pattern, under="fcgi/"):
    return {name.removeprefix(under) for name, text in TEXT.items()
            if name.startswith(under) and re.search(pattern, text)}


def test_only_the_kubernetes_client_knows_curl():
    assert all(re.match(r"kube\w*\.[ch]$", name)
               for name in users_of(r"#include <curl/"))


def test_only_the_edge_of_a_worker_knows_libfcgi():
    assert users_of(r"#include <fcgiapp\.h>") <= {
        "body.c", "request.c", "reply.c", "worker.c"}


def test_only_configuration_and_templates_know_libconfig():
    assert all(re.match(r"(cfg|conf|tmpl)\w*\.[ch]$", name)
               for name in users_of(r"#include <libconfig\.h>"))


def test_only_codings_know_zlib():
    assert users_of(r"#include <zlib\.h>") == {"coding.c"}


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_does_not_log(module):
    assert '#include "log.h"' not in TEXT[f"fcgi/{module}.c"]


def test_the_master_calls_no_library_that_may_hang():
    text = TEXT["fcgi/master.c"]

    assert '#include "kube.h"' not in text
    assert not re.search(r"#include <(curl/|fcgiapp)", text)


def test_no_file_is_longer_than_600_lines():
    assert {n: t.count("\n") for n, t in TEXT.items()
            if t.count("\n") > 600} == {}


def test_every_header_says_what_it_is_for():
    assert [n for n, t in TEXT.items()
            if n.endswith(".h") and not t.startswith("/*")] == []


def test_every_source_includes_its_own_header_first():
    for name, text in TEXT.items():
        path = TOP / name
        if not name.endswith(".c") or not path.with_suffix(".h").exists():
            continue
        includes = re.findall(r'^#include (\S+)', text, re.M)
        assert includes[:2] == ['"config.h"', f'"{path.stem}.h"'], name


def test_each_fuzz_target_has_a_corpus_and_all_are_small():
    corpus = TOP / "tests/fuzz/corpus"
    sizes = {f: sum(p.stat().st_size for p in f.iterdir())
             for f in corpus.iterdir()}

    assert {f.name for f in sizes} == {
        p.stem.removeprefix("fuzz_")
        for p in (TOP / "tests/fuzz").glob("fuzz_*.c")}
    assert all(sizes.values()) and sum(sizes.values()) <= 1 << 20


def test_shell_scripts_parse():
    scripts = [p for p in [*TOP.glob("deploy/local/*"), *TOP.glob("tests/*"),
                           TOP / "autogen.sh", TOP / ".ci/run"]
               if p.is_file() and p.read_bytes()[:64].split(b"\n")[0]
               .startswith(b"#!") and b"sh" in p.read_bytes()[:64]]

    assert len(scripts) > 5
    for path in scripts:
        done = subprocess.run(["bash", "-n", path], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr


def test_the_readme_names_what_exists():
    text = (TOP / "README.md").read_text()
    named = set(re.findall(r"\b((?:deploy|tests|conf|nginx|fcgi)/[\w./-]*\w)",
                           text))

    assert {"deploy/local/up", "tests/run"} <= named
    assert [n for n in sorted(named) if not (TOP / n).exists()] == []


def mutants():
    """tests/mutants is a program: its table alone is read."""
    text = (TOP / "tests/mutants").read_text()
    table = re.search(r"^MUTANTS = (\(.*?^\))$", text, re.M | re.S)[1]
    return ast.literal_eval(table)


@pytest.mark.parametrize("mutant", mutants(), ids=lambda m: m[0])
def test_a_seeded_bug_has_its_place_and_its_test(mutant):
    _, file, good, bad, test = mutant
    path, _, function = test.partition("::")

    assert TEXT[f"fcgi/{file}"].count(good) == 1 and good != bad
    path = TOP / "tests" / (path if function or path.endswith(".py")
                            else path + ".c")
    assert f"def {function}" in path.read_text() if function else \
        path.exists()
